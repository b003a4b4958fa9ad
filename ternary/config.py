"""The settings of a run: plain values, saved in every checkpoint. The options of `ternary train` are made from them."""
import json
import math
import re
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from ternary.errors import ModelFileError, UsageError
from ternary.recipes import recipe
from ternary.schema import Config, rule_of, setting

POSITIVE, NOT_NEGATIVE = {"above": 0}, {"at_least": 0}


@dataclass(frozen=True)
class TrainConfig(Config):
    """None: chosen when the run starts. `set` holds fields of the model's config, and with a prefix, such as
    "optimizer.beta1", those of the optimizer, the schedule and the objectives."""
    model: str | None = setting("bolt-small", "A model by name, see `ternary models`, or one of your own, file.py:Name "
                                "or module:Name.", unset="bolt-large with 8 cores and 32 GB")
    set: dict[str, Any] = field(default_factory=dict)
    data: str = setting("tinystories", "tinystories, a hub data set, a file, folder or glob, fables, - or a reader of "
                        "your own, my_reader.py:Name[:FILE]; commas between several.")
    val_data: str | None = setting(None, "Validation text.", unset="2 % of the stories of --data")
    curriculum: str | None = setting(None, "Train on several texts in turn, TEXT:SHARE with commas, each for its "
                                     "share of the budget; instead of --data.", example="a.txt:0.3,b.txt:0.7")
    min_words: int | None = setting(None, "Use only training stories with at least this many words.", example=10,
                                    **POSITIVE)
    max_words: int | None = setting(None, "Use only training stories with at most this many words.", example=40,
                                    **POSITIVE)
    subset: float | None = setting(None, "Use only this share of the training stories, chosen at random.", example=0.1,
                                   above=0, at_most=1)
    max_stories: int | None = setting(None, "Use only this many training stories, the first ones.", example=10000,
                                      **POSITIVE)
    field: str | None = setting(None, "The column of the text, or a path a.b, in json, csv, parquet and hub data.")
    encoding: str | None = setting(None, "Encoding of text files without a byte order mark, e.g. latin-1.",
                                   unset="utf-8")
    template: str | None = setting(None, "Format of a chat message, e.g. '{{role}}: {{content}}'.",
                                   unset="'{role}: {content}'")
    skip_bad: int = setting(0, "Number of unreadable rows to skip before it is an error.", **NOT_NEGATIVE)
    vocab_size: int | None = setting(None, "Vocabulary size of the tokenizer.", unset="that of the model",
                                     flag="--vocab", example=10000, **POSITIVE)
    hours: float | None = setting(None, "Budget in hours, including data preparation.", example=2, at_most=10_000,
                                  **POSITIVE)
    tokens: int | None = setting(None, "Budget in tokens.", example=10_000_000, **POSITIVE)
    steps: int | None = setting(None, "Budget in optimizer steps.", example=1000, **POSITIVE)
    epochs: float | None = setting(None, "Budget in passes over the data.", unset="10, if no other budget is given",
                                   example=3, **POSITIVE)
    optimizer: str = setting("muon", "{optimizers} (muon and normuon train matrices, AdamW the rest), or one of your "
                             "own, file.py:Name or module:Name.")
    objective: str | None = setting(None, "Auxiliary objectives, as name:weight with commas between several: "
                                    "{objectives}, or your own, file.py:Name:weight; or none. Validation scores never "
                                    "contain them.", unset="those of the model")
    batch_size: int = setting(16, "Sequences per step.", flag="--batch", **POSITIVE)
    seq_len: int | None = setting(None, "Tokens per sequence.", unset="that of the model", example=256, **POSITIVE)
    progressive: str | None = setting(None, "Sequence lengths, e.g. 64,128,256, each for an equal part of the budget; "
                                      "the last one is the --seq-len.", example="64,128,256")
    lr: float | None = setting(None, "Peak learning rate.", unset="that of the model, times a factor of the optimizer",
                               example=0.004, at_most=10, **POSITIVE)
    min_lr: float = setting(1e-5, "Learning rate at the end of the schedule.", at_most=10, **NOT_NEGATIVE)
    schedule: str = setting("cosine", "Learning rate schedule after the warm-up: {schedules}, or one of your own, "
                            "file.py:Name.")
    warmup: int = setting(200, "Warm-up steps, at most a tenth of the run.", **POSITIVE)
    weight_decay: float = setting(0.3, "Decoupled weight decay.", **NOT_NEGATIVE)
    grad_clip: float = setting(1.0, "Largest gradient norm; 0 for no limit.", **NOT_NEGATIVE)
    ema: float = setting(0.0, "Score and save a moving average of the weights with this decay; 0 saves the weights "
                         "themselves.", at_most=0.9999, **NOT_NEGATIVE)
    precision: str = setting("auto", "Precision of activations and matrix products; auto is the fastest on this CPU.",
                             choices=("auto", "int8", "bf16", "fp32"))
    vocab_sampling: float = setting(0.03, "Estimate the gradient of the head from a random sample of vocabulary "
                                    "blocks, without bias; larger is faster and noisier, 0 is exact.",
                                    aliases=("--head-noise",), at_most=1, **NOT_NEGATIVE)
    threads: int | None = setting(None, "Number of threads.", unset="all usable cores", example=2, **POSITIVE)
    workers: int | None = setting(None, "Workers that share the threads, at most one for each thread; each takes its "
                                  "own micro-batches.",
                                  unset="one for each thread, as far as there are micro-batches", example=2, **POSITIVE)
    gradient_bits: int = setting(32, "Bits of each number that ranks send: 32, or 8 for a slow network.", example=8,
                                 at_least=8, at_most=32)
    local_steps: int = setting(1, "Steps that each rank makes alone before they average their weights (DiLoCo), for a "
                               "slow network.", example=50, **POSITIVE)
    rank_timeout: float = setting(60.0, "Under mpiexec, end the job when a rank has given no sign of life for so many "
                                  "seconds.", example=60, **POSITIVE)
    seed: int = setting(42, "Random seed of the initial weights, the data order and sampling.", **NOT_NEGATIVE)
    eval_every: int | None = setting(None, "Steps between evaluations.", example=1000, **POSITIVE,
                                     unset="a twentieth of the run, 50 to 1000; with --hours 500")
    eval_stories: int = setting(500, "Number of validation stories to score.", **POSITIVE)
    patience: int | None = setting(None, "Stop after this many evaluations without a better score.", unset="no limit",
                                   example=10, **POSITIVE)
    target_bpc: float | None = setting(None, "Stop when an evaluation reaches this BPC.", example=0.85, **POSITIVE)
    save_minutes: float = setting(10.0, "Minutes between saves, besides those at evaluations.", **POSITIVE)
    keep: int = setting(3, "Number of newest checkpoints to keep, besides best and last.", **POSITIVE)
    log: str | None = setting(None, "Additional loggers, with commas between several: {loggers}.")
    save_dir: str = setting("checkpoints", "Folder of the run.")

    @classmethod
    def label(cls, name: str) -> str:
        return flag_of(name)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Any) -> "TrainConfig":
        """The settings in a checkpoint, of any version. A setting that it does not have has its default."""
        if not isinstance(values, dict):
            raise ModelFileError("[state.json] settings of the run are missing; start afresh")
        values = dict(values)
        if "head_noise" in values:                    # names of version 0.1
            values["vocab_sampling"] = values.pop("head_noise")
        of_model = {name: values.pop(name) for name in MODEL_FLAGS if name in values}
        known = {f.name for f in fields(cls)}
        try:
            values["set"] = {**{k: v for k, v in of_model.items() if v is not None}, **(values.get("set") or {})}
            if unknown := set(values) - known:
                raise UsageError(f"{min(unknown)!r} is no setting of this version")
            return cls(**values)
        except (UsageError, TypeError) as error:
            raise ModelFileError(f"[state.json] settings of the run do not fit this version: {error}; resume with the "
                                 "version that wrote them, or start afresh") from None

    def resumed(self, given: dict[str, Any]) -> "TrainConfig":
        """These settings with those of `given` that a resumed run may change: when it ends, saves and evaluates, its
        threads, and where its texts are, which its checkpoint identifies by their content."""
        given = {key: value for key, value in given.items() if (key, value) != ("precision", "auto")}
        for key, value in given.items():
            before = getattr(self, key)
            same = value == before or (key in CODE and same_code(value, before))
            if not same and (key not in CHANGEABLE or (key in TEXTS and before is None)):
                started = "without it" if before is None else f"with {before}"
                raise UsageError(f"{flag_of(key)} is {value}, but this run was started {started}; leave it out, or "
                                 "start a new run in another --save-dir")
        budget = dict.fromkeys(BUDGET) if set(given) & set(BUDGET) else {}
        return replace(self, **{**budget, **given})


BUDGET = ("hours", "tokens", "steps", "epochs")
LENGTHS = ("seq_len", "progressive")
TEXTS = ("data", "val_data")
CHANGEABLE = (*BUDGET, *TEXTS, "patience", "target_bpc", "threads", "workers", "rank_timeout", "gradient_bits",
              "eval_every", "save_minutes", "keep", "log")                                  # by a resumed run
CODE = ("model", "optimizer", "schedule")             # settings that may name code outside of ternary
MODEL_FLAGS = ("quantizer", "inner_norm")             # options that are short for --set


def same_code(one: str, other: str) -> bool:
    """Whether these may be one class outside of ternary, by another path of its file or as a module."""
    return ":" in one and ":" in other and one.rpartition(":")[2] == other.rpartition(":")[2]


def flag_of(name: str) -> str:
    """The option that sets a field of TrainConfig."""
    return rule_of(TrainConfig, name).flag or "--" + name.replace("_", "-")


def from_options(options: dict[str, Any]) -> dict[str, Any]:
    """Options by name, of the command line or of ternary.train -> fields of TrainConfig.

    A recipe is replaced by its settings, which other options override. quantizer and inner_norm, which are short for
    fields of the model, go to `set`; set's vocab_size to the run's own; the texts of curriculum to data, so that its
    shares are left.
    """
    options = dict(options)
    given, asked = options.get("curriculum"), options.get("set") or {}
    if isinstance(given, str) and not are_shares(given):
        if "data" in options:
            raise UsageError("--curriculum names the texts; leave --data out")
        options["data"], options["curriculum"] = parse_curriculum(given)
    if not isinstance(asked, dict):
        raise UsageError(f"set is {asked!r}; wanted fields by name, as {{\"dim\": 64}}")
    options["set"] = asked
    if spec := options.pop("recipe", None):
        options = overridden(recipe(spec), options)
    of_model = {**{name: options.pop(name) for name in MODEL_FLAGS if options.get(name) is not None},
                **options.pop("set")}
    if "vocab_size" in of_model:
        options["vocab_size"] = of_model.pop("vocab_size")
    return {**options, **({"set": of_model} if of_model else {})}


def overridden(base: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """The options of a recipe or of a file, with those `given` in their place.

    A budget replaces all budgets of the base, as the first to run out ends a run; another model, optimizer, schedule
    or objective what the base sets for its own; a seq_len or progressive both of them.
    """
    def fits(name: str) -> bool:
        part, _, field = name.partition(".") if "." in name else ("model", "", name)
        if part not in given or given[part] == base.get(part):
            return True
        return part == "objective" and field.partition(".")[0] in re.split("[,:]", str(given[part]))

    replaced = set(given)
    for names in BUDGET, LENGTHS:
        if replaced & set(names):
            replaced |= set(names)
    kept = {name: value for name, value in base.items() if name not in replaced}
    own = {name: value for name, value in (base.get("set") or {}).items() if fits(name)}
    return {**kept, **given, "set": {**own, **given.get("set", {})}}


def read_settings(path: Path | str) -> dict[str, Any]:
    """Options from a JSON file: settings by name, or a checkpoint's config.json (the model) or state.json (the run).

    Raises UsageError if it cannot be read, or has a name that is no setting.
    """
    try:
        values = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"--config {path}: it is no JSON file that can be read ({error})") from None
    if not isinstance(values, dict):
        raise UsageError(f"--config {path}: wanted an object such as {{\"model\": \"bolt-small\", \"lr\": 0.01}}")
    if "settings" in values:                          # the folder is that of another run
        return {**TrainConfig.from_json(values["settings"]).to_json(), "save_dir": TrainConfig.save_dir}
    known = {f.name for f in fields(TrainConfig)}
    of_model, own = {name: value for name, value in values.items() if name not in known}, values.get("set", {})
    if not isinstance(own, dict):
        raise UsageError(f"--config {path}: set is {own!r}; wanted fields by name, as {{\"dim\": 64}}")
    return {**{k: v for k, v in values.items() if k in known}, "set": {**of_model, **own}}


def are_shares(given: str) -> bool:
    """Whether these are numbers alone, as in the settings of a run."""
    try:
        return all(float(part) > 0 for part in given.split(","))
    except ValueError:
        return False


def parse_curriculum(given: str) -> tuple[str, str]:
    """"a.txt:0.3,b.txt:0.7" -> "a.txt,b.txt", "0.3,0.7\""""
    texts, shares = [], []
    for part in given.split(","):
        text, _, share = part.strip().rpartition(":")
        try:
            value = float(share)
        except ValueError:
            value = math.nan
        if not text or not 0 < value < math.inf:
            raise UsageError(f"--curriculum {given}: wanted TEXT:SHARE with commas between several, e.g. "
                             f"a.txt:0.3,b.txt:0.7; {part!r} has no share above 0")
        texts.append(text)
        shares.append(f"{value:g}")
    return ",".join(texts), ",".join(shares)
