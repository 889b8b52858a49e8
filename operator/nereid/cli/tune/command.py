"""`nereid tune`: choose CPU or GPU and a configuration by measuring them."""

import secrets
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click
from kubernetes.client import ApiException
from urllib3.exceptions import HTTPError

from nereid.api import names
from nereid.cli.api_server import Connection, connects
from nereid.cli.failures import message, reason
from nereid.cli.figures import span
from nereid.cli.following import INTERRUPTED
from nereid.cli.period import PERIOD, SOME_TIME
from nereid.cli.terminal import console, say, show
from nereid.cli.tune import k6, perf_analyzer
from nereid.cli.tune.campaign import Budget, Campaign
from nereid.cli.tune.configuration import OWN, Hardware, own_values
from nereid.cli.tune.findings import fragment, free_resources, milliseconds, outcome_table, whole
from nereid.cli.tune.generator import Generator
from nereid.cli.tune.k6 import K6
from nereid.cli.tune.manifests import Manifest, Run, anchor, load_files, owner
from nereid.cli.tune.measuring import Bench, Method
from nereid.cli.tune.objects import Objects
from nereid.cli.tune.options import Counts, HardwareOption, NewFile, Price, Shape, ShortTime, Times, without_repeats
from nereid.cli.tune.perf_analyzer import PerfAnalyzer
from nereid.cli.tune.search import Goal, Space, best

_ID_LENGTH: Final = 5
# The search's objects may live a little longer than its budget, so that they are there for the last measurement.
_MARGIN_SECONDS: Final = 600
# A ConfigMap holds no more, and the script is in it as well.
_LONGEST_INPUT: Final = 1_000_000
_GENERATORS: Final = {"k6": k6.IMAGE, "perf_analyzer": perf_analyzer.IMAGE}


@click.command()
@click.argument("name")
@click.option(
    "--latency-p99", "objective", type=ShortTime(), help="Latency objective for 99 of 100 requests, for instance 50ms."
)
@click.option(
    "--resources",
    "hardware",
    type=HardwareOption(),
    multiple=True,
    default=(OWN,),
    show_default=True,
    help="Resources to try, for instance cpu=2,memory=4Gi,gpu=1; own: the spec's. Also mig= and product=. Repeatable.",
)
@click.option(
    "--instances", type=Counts(), default="1,2,4", show_default=True, help="Numbers of model instances to try."
)
@click.option(
    "--batch-sizes", type=Counts(), default="4,8,16,32", show_default=True, help="Maximum batch sizes to try."
)
@click.option(
    "--queue-delays",
    type=Times(),
    default="100us,1ms",
    show_default=True,
    help="Maximum times that a batch waits to fill, to try.",
)
@click.option(
    "--price",
    "prices",
    type=Price(),
    multiple=True,
    metavar="RESOURCE=PRICE",
    help="Price per hour of a core, GiB or unit: cpu=0.04, memory=0.005, nvidia.com/gpu=2.5.",
)
@click.option("--rate", type=click.FloatRange(0, min_open=True), help="Total predictions per second to serve.")
@click.option("--budget", type=SOME_TIME, default="20m", show_default=True, help="Time limit for the whole search.")
@click.option(
    "--parallel",
    type=click.IntRange(1, 16),
    default=1,
    show_default=True,
    help="How many configurations to measure at a time; they must not share a node's cores.",
)
@click.option(
    "--generator",
    "kind",
    type=click.Choice(list(_GENERATORS)),
    default="k6",
    show_default=True,
    help="Load generator.",
)
@click.option(
    "--generator-image", "image", metavar="IMAGE", help="Image of the load generator. Default: the public one."
)
@click.option(
    "--input",
    "input_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="For k6 a request body; for perf_analyzer its --input-data. Default: generated.",
)
@click.option(
    "--shape",
    "shapes",
    type=Shape(),
    multiple=True,
    metavar="INPUT:SIZES",
    help="Shape of an input with open dimensions, for instance image:3,224,224.",
)
@click.option(
    "--duration", type=SOME_TIME, default="10s", show_default=True, help="How long each load level is measured."
)
@click.option(
    "--warm-up",
    type=PERIOD,
    default="3s",
    show_default=True,
    help="How long each load level runs before it is measured.",
)
@click.option(
    "--max-concurrency",
    type=click.IntRange(1, 4096),
    default=64,
    show_default=True,
    help="Maximum number of concurrent requests.",
)
@click.option(
    "--ready-timeout", type=SOME_TIME, default="5m", show_default=True, help="How long a pod may take to become ready."
)
@click.option(
    "--output",
    type=NewFile(),
    help="File to write the ModelDeployment with the best configuration to.",
)
@click.option("--clean", is_flag=True, help="Only delete what earlier searches for NAME left behind.")
@connects
def tune(connection: Connection, name: str, *, clean: bool, objective: float | None, **options: Any) -> None:
    """Find the cheapest resources, instances and batch sizes that meet a latency objective.

    Each configuration runs for a while as a separate ModelDeployment beside NAME, without traffic, and a load
    generator finds the highest throughput that meets the objective. NAME itself is not changed: the best configuration
    is printed, and written to --output, for you to apply.
    """
    objects = Objects(*connection.open())
    if clean:
        _clean(objects, name)
        return
    if objective is None:
        raise click.UsageError("--latency-p99 is required: set the latency objective, for instance --latency-p99 50ms")
    _tune(objects, objects.models.get(name), objective, **options)


def _tune(
    objects: Objects,
    document: Mapping[str, Any],
    objective: float,
    *,
    rate: float | None,
    output: Path | None,
    prices: tuple[tuple[str, float], ...],
    **options: Any,
) -> None:
    goal = Goal(objective, dict(prices))
    campaign = Campaign(
        _space(document, **options), goal, Budget(options["budget"], options["parallel"]), time.monotonic
    )
    run = Run(_new_id(), document["metadata"]["name"])
    try:
        with _run_objects(objects, run, options["budget"]) as holder:
            bench = _bench(objects, document, run, holder, objective=objective, **options)
            for result in campaign.run(bench.measure):
                _report(f"{result.configuration}: {result.failure or 'done'}")
    except KeyboardInterrupt as error:
        _report("Interrupted: deleting all that this search created")
        if campaign.results:
            _show(campaign, rate)
        raise SystemExit(INTERRUPTED) from error
    except (ApiException, HTTPError) as error:
        if not campaign.results:
            raise
        _report(f"The search stopped: {message(error) if isinstance(error, ApiException) else reason(error)}")
    else:
        if not campaign.is_over:
            _report(f"The budget of {span(options['budget'])} is used up before all was tried: raise --budget for more")
    _conclude(document, campaign, rate, output)


def _space(
    document: Mapping[str, Any],
    *,
    hardware: tuple[Hardware, ...],
    instances: tuple[int, ...],
    batch_sizes: tuple[int, ...],
    queue_delays: tuple[int, ...],
    **_: Any,
) -> Space:
    return Space(without_repeats(hardware), instances, batch_sizes, queue_delays, own_values(document["spec"]))


@contextmanager
def _run_objects(objects: Objects, run: Run, budget: float) -> Iterator[Manifest]:
    """Create the owner of all objects of a search; when the context ends, in whatever way, all of them are deleted."""
    # SIGTERM cleans up as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield owner(objects.create_job(anchor(run, budget + _MARGIN_SECONDS)))
    finally:
        objects.delete_run(run.name)


def _bench(
    objects: Objects,
    document: Mapping[str, Any],
    run: Run,
    holder: Manifest,
    *,
    objective: float,
    **options: Any,
) -> Bench:
    method = Method(
        objective=objective,
        most_concurrency=options["max_concurrency"],
        warm_up=options["warm_up"],
        seconds=options["duration"],
        shapes=dict(options["shapes"]),
        ready_seconds=options["ready_timeout"],
        deadline=time.monotonic() + options["budget"],
    )
    generator = _generator(options["kind"], options["image"], options["input_file"])
    objects.create_config_map(load_files(run.name, generator, run, holder))
    return Bench(objects, document, run, holder, generator, method, _report)


def _generator(kind: str, image: str | None, input_file: Path | None) -> Generator:
    text = input_file.read_text() if input_file else None
    if text and len(text.encode()) > _LONGEST_INPUT:
        raise click.ClickException(f"{input_file} is too large for a ConfigMap: give an input of less than 1 MB")
    chosen = image or _GENERATORS[kind]
    return K6(chosen, text) if kind == "k6" else PerfAnalyzer(chosen, text)


def _conclude(document: Mapping[str, Any], campaign: Campaign, rate: float | None, output: Path | None) -> None:
    _show(campaign, rate)
    goal = campaign.goal
    winner = best(campaign.results, goal)
    if winner is None:
        raise click.ClickException(
            f"no measured configuration answers 99 of 100 requests within {milliseconds(goal.objective)}"
        )
    changes = fragment(document, winner)
    say(f"\nBest: {winner.configuration}")
    say(
        f"Change the manifest as follows (null: remove the field):\n\n{changes}"
        if changes
        else "The manifest already has it."
    )
    if output:
        output.write_text(whole(document, winner))
        say(f"Written to {output}: review it, and apply it like your other manifests.")


def _show(campaign: Campaign, rate: float | None) -> None:
    show(console(), outcome_table(campaign.results, campaign.goal, rate))
    if free := free_resources(campaign.results, campaign.goal):
        say(f"\nNo price was given for {', '.join(free)}: counted as free.")


def _clean(objects: Objects, name: str) -> None:
    runs = objects.runs(name)
    for run in runs:
        objects.delete_run(run.name)
    say(f"Deleted the objects of {len(runs)} earlier search{'es' if len(runs) != 1 else ''} for {name}.")


def _new_id() -> str:
    return "".join(secrets.choice(names.REVISION_ALPHABET) for _ in range(_ID_LENGTH))


def _report(line: str) -> None:
    say(line, err=True)
