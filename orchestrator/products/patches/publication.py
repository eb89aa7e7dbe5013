"""From whole shards to the folder of a result: a table of every window, what the set is, and what proves it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from orchestrator.core.errors import IntegrityError
from orchestrator.core.files import write_whole
from orchestrator.core.trees import digest_of_files, size_of
from orchestrator.model.product import Evidence, Finishing, Made, MadeFile
from orchestrator.model.states import UnitState
from orchestrator.packing.publication import CHECKSUMS, seal
from orchestrator.packing.statistics import BandStatistics
from orchestrator.products.patches.about import SCHEMA, cut_command, source_facts
from orchestrator.products.patches.arrange import Arranged, Candidates
from orchestrator.products.patches.describing import describe
from orchestrator.products.patches.document import PatchPlan
from orchestrator.products.patches.files import PROOF, patches_folder
from orchestrator.products.patches.samples import StoredSample
from orchestrator.products.patches.sink import PatchSink, shard_cell
from orchestrator.products.patches.steps import SHARD, read_measured
from orchestrator.products.patches.table import table_of
from orchestrator.products.proof import part_json, proof_head


def make_patches_result(about: Finishing, plan: PatchPlan, sink: PatchSink, evidence: Evidence, version: str) -> Made:
    """
    Describe the shards, seal their folder and make its proof.

    Raises:
        OutputLostError: The unfinished folder is not what it was.
        IntegrityError: A shard is missing, doubled, or is not what was decided.
    """
    final = patches_folder(about.run.job)
    made = sink.begin_describing()
    (made / CHECKSUMS).unlink(missing_ok=True)
    about.say("describing the patches")
    measured = [read_measured(sink.paths.measured(scene.key)) for scene in plan.scenes]
    arranged = Arranged.from_bytes(sink.paths.arranged.read_bytes())
    found = Candidates.of(plan, measured)
    _prove(arranged, evidence)
    places, statistics = _told(sink, arranged)
    frame = table_of(plan, measured, found, arranged, places)
    base = source_facts(plan, about.run.facts, version)
    keys = plan.keys
    apart = {"gap": keys.gap, "overlapping": arranged.overlapping, "nearer": arranged.nearer}
    how = {"format": keys.format, "shard_size": keys.shard.text(), "apart": apart, "shuffled": keys.shuffle}
    told = describe(made, base, frame, statistics, how | {"command": cut_command(keys)})
    about.say("making the patches durable")
    digests = seal(made)
    sink.seal()
    sha256 = digest_of_files(digests)
    output = {"folder": final.name, "bytes": size_of(made), "sha256": sha256, "files": len(digests)}
    content = _proof(about, evidence, told, output, version)
    proof = about.folder / "made.proof.json"
    write_whole(proof, content)
    files = (
        MadeFile("proof", proof, final.with_name(f"{final.name}{PROOF}"), hashlib.sha256(content).hexdigest()),
        MadeFile("data", made, final, sha256),
    )
    facts = {name: told[name] for name in ("samples", "splits", "shards", "windows", "left_out")}
    return Made(
        files,
        facts | {"windows": told["windows"], "left_out": told["left_out"], **_notes(about)},
        {"samples": told["samples"]},
    )


def _notes(about: Finishing) -> dict[str, list[str]]:
    """Return what a person should know of the result; nothing where nothing is to be said."""
    notes = list(about.run.facts.get("notes", ()))
    return {"notes": notes} if notes else {}


def _prove(arranged: Arranged, evidence: Evidence) -> None:
    """Make sure that every shard that was decided on was brought, once."""
    wanted = sorted(shard_cell(number, len(samples)) for number, (_, _, samples) in enumerate(arranged.shards()))
    there = sorted(unit.plan.cell for unit in evidence.units if unit.kind == SHARD and unit.plan.cell)
    done = [unit for unit in evidence.units if unit.kind == SHARD and unit.state is UnitState.DONE]
    if wanted != there or len(done) != len(wanted):
        raise IntegrityError(f"{len(wanted)} shards were decided on, and {len(done)} are there")


def _told(sink: PatchSink, arranged: Arranged) -> tuple[dict[int, StoredSample], dict[str, BandStatistics]]:
    """Return where each sample lies, and what the bands of each split hold, shard after shard."""
    places: dict[int, StoredSample] = {}
    statistics: dict[str, BandStatistics] = {}
    for number, (split, _own, samples) in enumerate(arranged.shards()):
        told = sink.told(number)
        if told["samples"] != samples.tolist():
            raise IntegrityError(f"shard {number} holds other samples than were decided on")
        places |= {int(one): StoredSample(*place) for one, place in zip(samples, told["places"], strict=True)}
        own = BandStatistics.from_json(told["bands"])
        if split in statistics:
            statistics[split].merge(own)
        else:
            statistics[split] = own
    return places, statistics


def _proof(
    about: Finishing, evidence: Evidence, told: Mapping[str, Any], output: Mapping[str, Any], version: str
) -> bytes:
    content = proof_head(about.run, SCHEMA, version) | {
        "attribution": about.run.facts.get("attribution", ""),
        "facts": dict(about.run.facts),
        "output": dict(output),
        "splits": told["splits"],
        "apart": told["apart"],
        "cover": {"shards": len(evidence.brought), "each_sample_once": True},  # `_prove` raised otherwise
        "parts": [part_json(one) for one in sorted(evidence.brought, key=lambda one: one.cell)],
    }
    return json.dumps(content, indent=1, sort_keys=True).encode()
