"""Reading the machine code of kernels."""
import re


def loops(asm):
    """Bodies of innermost loops: from a label to the jump back to it, with no other label jumped back to inside."""
    lines, at, found = asm.splitlines(), {}, []
    for k, line in enumerate(lines):
        if label := re.match(r"(\.?L\w+):", line):
            at[label[1]] = k
        elif (jump := re.match(r"\s+(?:j\w+|b\.?\w*|cbn?z\s+\w+,|tbn?z\s+.*,)\s+(\.?L\w+)", line)) and jump[1] in at:
            found.append((at[jump[1]], k))
    inner = [(a, b) for a, b in found if not any((c, d) != (a, b) and a <= c and d <= b for c, d in found)]
    return ["\n".join(lines[a:b + 1]) for a, b in inner]
