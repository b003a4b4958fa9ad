/* From reset to main on a Cortex-M4. Command line and output go through semihosting (a debugger, or QEMU). */
#include <stdint.h>
#include <unistd.h>

extern uint32_t data_begin[], data_end[], data_in_flash[], bss_begin[], bss_end[], stack_top[];
void initialise_monitor_handles(void);
int main(int argc, char **argv);
void reset(void);

static void halt(void)
{
    _exit(1);
}

__attribute__((section(".vectors"), used)) static void (*const vectors[16])(void) = {
    (void (*)(void))stack_top, reset, halt, halt, halt, halt, halt};

/* Semihosting call: read the command line into {buffer, size}. */
static int command_line(uint32_t block[2])
{
    register uint32_t r0 __asm__("r0") = 0x15;
    register uint32_t *r1 __asm__("r1") = block;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return (int)r0;
}

/* Parts of a line: between spaces, or between quotes. */
static int split(char *line, char **parts, int most)
{
    int count = 0;
    while (count < most) {
        while (*line == ' ')
            line++;
        if (!*line)
            break;
        char stop = *line == '"' ? *line++ : ' ';
        parts[count++] = line;
        while (*line && *line != stop)
            line++;
        if (*line)
            *line++ = 0;
    }
    return count;
}

void reset(void)
{
    *(volatile uint32_t *)0xE000ED88 |= 0xF << 20;   /* switch the FPU on */
    for (uint32_t *to = data_begin, *from = data_in_flash; to < data_end;)
        *to++ = *from++;
    for (uint32_t *to = bss_begin; to < bss_end;)
        *to++ = 0;
    initialise_monitor_handles();
    static char line[512];
    static char *argv[8];
    uint32_t block[2] = {(uint32_t)line, sizeof line - 1};
    int argc = command_line(block) == 0 ? split(line, argv, 8) : 0;
    _exit(main(argc, argv));
}
