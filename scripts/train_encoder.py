#!/usr/bin/env python3
"""Train the compact encoder by distillation from CAM++: see scripts/training/README.md.

    train_encoder.py --work DIR cache SPEECH...      cut speech into pieces, in many voices, with teacher vectors
    train_encoder.py --work DIR train --run NAME     train on the cache; the same command goes on after a kill
    train_encoder.py --work DIR finish --run NAME    write the model folder DIR/runs/NAME/model and the curves
    train_encoder.py --work DIR judge ENCODER...     score encoders side by side on speech that was never trained on
    train_encoder.py --work DIR beside FOLDER        its probes against the strong encoder's templates
    train_encoder.py --work DIR speed FOLDER         time of one 3 s clip against the official architecture

Everything is kept under DIR, outside of the repository. Speech is read in place: SPEECH/corpus/speaker/files.
"""

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
COMPACT = ROOT / "pretrained_models" / "ecapa-compact"
SCORER = ROOT.parent / "shared" / "tools" / "score_encoder.py"
DEV = ROOT.parent / "shared" / "speech" / "dev"
PLAIN = "s1.00f1.00"


def cache(args: argparse.Namespace) -> None:
    """Fill the cache; several processes may share the work (--part I --parts N)."""
    from training.cache import Builder, jobs
    from training.data import list_clips
    from training.teacher import Teacher

    teacher = Teacher(args.teacher, args.work / "teacher")
    teacher.head.save(args.work / "head.npz")
    builder = Builder(teacher, teacher.head, args.held, _avoided(args, teacher) if args.more else None)
    clips = [clip for root in args.speech for clip in list_clips(root)]
    for number, (corpus, variant) in enumerate(jobs(sorted({c.corpus for c in clips}))):
        folder = args.work / "cache" / "-".join(filter(None, (corpus, args.more, variant.name)))
        if args.plain and variant.name != PLAIN:
            continue
        if number % args.parts != args.part or folder.exists():
            continue
        started = time.monotonic()
        count = builder.build(folder, [c for c in clips if c.corpus == corpus], variant)
        print(f"{folder.name}: {count} pieces in {time.monotonic() - started:.0f} s", flush=True)


def _avoided(args: argparse.Namespace, teacher: Any) -> tuple[Any, Any]:  # noqa: ANN401 - numpy stays lazy
    """Centred vectors of all held-out pieces and of the speech in --avoid, and the mean that was taken off."""
    from training.batches import teacher_mean, unit
    from training.data import cut, list_clips, read_clip, read_shards

    shards = [s for s in read_shards(args.work / "cache") if s.name.endswith(PLAIN)]
    file = args.work / "avoid.npy"
    if not file.exists():
        pieces = (p for root in args.avoid for clip in list_clips(root) for p in cut(read_clip(clip.path)))
        np.save(file, np.stack([teacher.head(teacher(piece)) for piece in pieces]))
    mean = teacher_mean([s for s in shards if s.name.split("-")[1] == PLAIN])
    return unit(unit(np.concatenate([np.load(file), *(s.teacher[s.held] for s in shards)])) - mean), mean


def train(args: argparse.Namespace) -> None:
    """Train until --steps; new shards of the cache are taken up at every checkpoint."""
    import torch
    from tqdm import tqdm
    from training import loop
    from training.batches import Batches
    from training.data import read_shards
    from training.teacher import Head

    torch.set_num_threads(args.threads)
    plan = loop.Plan(
        args.steps,
        args.decay,
        rate=args.rate,
        divergence=args.divergence,
        frames=args.frames,
        margin=args.margin,
        every=args.every,
        seed=args.seed,
    )
    folder = args.work / "runs" / args.run
    folder.mkdir(parents=True, exist_ok=True)
    head = Head.load(args.work / "head.npz")
    run, mean, sets = _open_run(args, plan, head, folder)
    with tqdm(total=plan.steps, initial=run.step, unit="step", disable=None) as bar:
        while run.step < plan.steps:
            batches = Batches(list(read_shards(args.work / "cache")), mean, head, size=args.batch, seed=args.seed)
            until = min(plan.steps, (run.step // plan.every + 1) * plan.every)
            started, first, lines = time.monotonic(), run.step, []
            for line in loop.train(run, batches, plan, until, compiled=args.compile, workers=args.workers):
                lines.append(line)
                bar.update()
            pace = (until - first) * args.batch / (time.monotonic() - started)
            found = loop.evaluate(run.network, run.mean, sets)
            facts = {"step": run.step, "pieces": batches.num_pieces, "crops_per_second": pace}
            run.history.append({**facts, "rate": plan.rate_at(run.step), **loop.mean_of(lines), **found})
            run.save(folder / "checkpoint.pt")
            loop.write_history(run, folder / "history.jsonl")
            bar.write(json.dumps({k: round(v, 4) for k, v in run.history[-1].items()}))


def _open_run(args: argparse.Namespace, plan: Any, head: Any, folder: Path) -> tuple[Any, Any, Any]:  # noqa: ANN401 - torch stays lazy
    """The run as its checkpoint has it, or a new one; the teacher's mean; the watched sets."""
    import torch
    from training import loop, student
    from training.batches import Batches, teacher_mean
    from training.data import read_shards
    from training.watch import watched

    shards = list(read_shards(args.work / "cache"))
    mean_file = folder / "teacher_mean.npy"
    if not mean_file.exists():
        np.save(mean_file, teacher_mean([s for s in shards if s.name.endswith(PLAIN)]))
    mean = np.load(mean_file)
    sets = {f"{s}s": watched(shards, s) for s in args.watch}
    torch.manual_seed(plan.seed)
    network = student.Student(student.network(), head.channels).to(args.device)
    if (folder / "checkpoint.pt").exists():
        run = loop.Run.start(network, plan)
        run.load(folder / "checkpoint.pt")
        return run, mean, sets
    if args.init:
        student.load_weights(network.network, args.init)
        loop.fit_last_layers(network, Batches(shards, mean, head, seed=plan.seed))
    run = loop.Run.start(network, plan)
    run.history.append({"step": 0, **loop.evaluate(network, run.mean, sets)})
    return run, mean, sets


def finish(args: argparse.Namespace) -> None:
    """Write the model folder of the last checkpoint, and the curves."""
    import torch
    from training import finish, student

    folder = args.work / "runs" / args.run
    state = torch.load(folder / "checkpoint.pt", map_location="cpu", weights_only=True)
    student.save_folder(student.network_of(state["mean"]), folder / "model", args.template)
    finish.draw(folder / "history.jsonl", folder / "curves.png")


def judge(args: argparse.Namespace) -> None:
    """One line of JSON for every encoder, set, length and condition."""
    import torch
    from training import judge

    torch.set_num_threads(args.threads)
    scorer = judge.load_scorer(args.scorer)
    for name in args.sets:
        for seconds in args.seconds:
            clips = list(scorer.clips(args.dev / name, seconds or None))
            for condition in args.conditions:
                change = judge.CONDITIONS[condition]
                heard = [(s, p, change(w)) for s, p, w in clips]
                for encoder in args.encoders:
                    found = scorer.score(*judge.embeddings(scorer, encoder, heard))
                    facts = {"encoder": encoder, "set": name, "seconds": seconds or "whole", "condition": condition}
                    print(json.dumps({**facts, **found}), flush=True)


def beside(args: argparse.Namespace) -> None:
    """One line of JSON for every set and length: the student's probes against the strong encoder's templates."""
    from training import beside, judge
    from training.batches import unit

    scorer, strong = judge.load_scorer(args.scorer), beside.strong_encoder(args.strong)
    student, kept = judge.folder_encoder(args.folder), args.work / "beside"
    for name in args.sets:
        for seconds in args.seconds:
            speakers, waves = beside.trial_clips(scorer, args.dev / name, seconds)
            probes = [beside.middle(wave, seconds) for wave in waves]
            template = beside.kept(kept / f"{name}-{seconds:g}-whole.npy", strong, waves)
            own = beside.kept(kept / f"{name}-{seconds:g}-probe.npy", strong, probes)
            drafted = unit(np.stack([student(probe) for probe in probes]))
            found = beside.compare(drafted, own, template, speakers)
            print(json.dumps({"set": name, "seconds": seconds, **found}), flush=True)


def speed(args: argparse.Namespace) -> None:
    """Median milliseconds and their ratio."""
    from training.speed import compare

    print(json.dumps({k: round(v, 4) for k, v in compare(args.folder).items()}))


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    top.add_argument("--work", type=Path, required=True, help="for cache, teacher and runs, outside of the repository")
    commands = top.add_subparsers(dest="command", required=True)
    sub = commands.add_parser("cache", help=cache.__doc__)
    sub.set_defaults(action=cache)
    sub.add_argument("speech", type=Path, nargs="+", help="folders of corpus/speaker/files")
    sub.add_argument("--teacher", type=Path, required=True, help="model folder of CAM++, as fetched")
    sub.add_argument("--held", type=float, default=0.05, help="share of the speakers kept out of the training")
    sub.add_argument("--more", help="a word for further speech, of which some voices may have to stay out: see --avoid")
    sub.add_argument("--avoid", type=Path, nargs="*", default=[], help="with --more: speech of such voices")
    sub.add_argument("--plain", action="store_true", help="the voices as they were recorded, no others")
    sub.add_argument("--part", type=int, default=0)
    sub.add_argument("--parts", type=int, default=1)
    _train_options(commands.add_parser("train", help=train.__doc__))
    sub = commands.add_parser("finish", help=finish.__doc__)
    sub.set_defaults(action=finish)
    sub.add_argument("--run", default="compact")
    sub.add_argument("--template", type=Path, default=COMPACT, help="model folder whose hyperparams.yaml is taken")
    sub = commands.add_parser("judge", help=judge.__doc__)
    sub.set_defaults(action=judge)
    sub.add_argument("encoders", nargs="+", help="model folders, or ge2e, or campplus")
    sub.add_argument("--scorer", type=Path, default=SCORER)
    sub.add_argument("--dev", type=Path, default=DEV)
    sub.add_argument("--sets", nargs="+", default=["librispeech", "commonvoice"])
    sub.add_argument("--seconds", type=float, nargs="+", default=[0, 2], help="0 for whole clips")
    sub.add_argument("--conditions", nargs="+", default=["clean"], help="clean, telephone, noise, room, opus")
    sub.add_argument("--threads", type=int, default=1)
    sub = commands.add_parser("beside", help=beside.__doc__)
    sub.set_defaults(action=beside)
    sub.add_argument("folder", type=Path)
    sub.add_argument("--strong", type=Path, required=True, help="model folder of the strong encoder")
    sub.add_argument("--scorer", type=Path, default=SCORER)
    sub.add_argument("--dev", type=Path, default=DEV)
    sub.add_argument("--sets", nargs="+", default=["librispeech", "commonvoice"])
    sub.add_argument("--seconds", type=float, nargs="+", default=[1, 2, 3, 5])
    sub = commands.add_parser("speed", help=speed.__doc__)
    sub.set_defaults(action=speed)
    sub.add_argument("folder", type=Path)
    return top


def _train_options(sub: argparse.ArgumentParser) -> None:
    sub.set_defaults(action=train)
    sub.add_argument("--run", default="compact")
    sub.add_argument("--init", type=Path, help="model folder to start from")
    sub.add_argument("--steps", type=int, default=6000)
    sub.add_argument("--decay", type=int, default=1500, help="last steps, in which the learning rate falls to nothing")
    sub.add_argument("--rate", type=float, default=1e-3)
    sub.add_argument("--divergence", type=float, default=0.2, help="weight of the neighbours against the place")
    sub.add_argument("--frames", type=float, default=0.5, help="weight of the teacher's frames")
    sub.add_argument("--margin", type=float, default=0.0, help="weight of an angular margin between the speakers")
    sub.add_argument("--batch", type=int, default=64)
    sub.add_argument("--every", type=int, default=250, help="steps between checkpoints")
    sub.add_argument("--watch", type=float, nargs="*", default=[2.2], help="seconds of the clips of held-out speakers")
    sub.add_argument("--seed", type=int, default=0)
    sub.add_argument("--device", default="cpu", help="cpu or cuda")
    sub.add_argument("--threads", type=int, default=2)
    sub.add_argument("--workers", type=int, default=1)
    sub.add_argument("--compile", action="store_true", help="worth it from a thousand steps; starts slowly")


def main() -> None:
    args = parser().parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    args.action(args)


if __name__ == "__main__":
    main()
