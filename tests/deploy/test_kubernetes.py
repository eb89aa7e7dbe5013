"""The overlays build, and their pods are allowed in a namespace with the profile `restricted`."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.config import load, unknown_variables
from orchestrator.faces.cli.main import cli

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
OVERLAYS = sorted(path.name for path in (FOLDER / "overlays").iterdir())
needs_kubectl = pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl here to build the overlays")
POD_PATHS = {"CronJob": ("spec", "jobTemplate", "spec", "template"), "Deployment": ("spec", "template")}
# Of the profile `restricted` in the Kubernetes documentation, "Pod Security Standards".
ALLOWED_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
# Fields of the published API (Kubernetes 1.32) that are used here; labels, annotations and data are anybody's.
KNOWN_FIELDS = """
accessModes action activeDeadlineSeconds allowPrivilegeEscalation annotations apiVersion args
automountServiceAccountToken backoffLimit capabilities cidr claimName command concurrencyPolicy configMap
containerName containers data drop egress emptyDir enableServiceLinks env exec failedJobsHistoryLimit
failureThreshold fsGroup fsGroupChangePolicy image ingress ipBlock jobTemplate kind labels limits livenessProbe
matchLabels maxUnavailable metadata minAvailable mountPath name namespace onExitCodes onPodConditions operator
periodSeconds persistentVolumeClaim podFailurePolicy podSelector policyTypes port ports protocol readOnly
readOnlyRootFilesystem readinessProbe replicas requests resources restartPolicy rules runAsGroup runAsNonRoot
runAsUser schedule seccompProfile securityContext selector serviceAccountName sizeLimit spec
startingDeadlineSeconds startupProbe status strategy successfulJobsHistoryLimit template
terminationGracePeriodSeconds timeZone timeoutSeconds to ttlSecondsAfterFinished type unhealthyPodEvictionPolicy
value values volumeMounts volumes
"""
FREE = frozenset({"labels", "annotations", "matchLabels", "data", "requests", "limits"})


def fields_of(value: Any) -> Iterator[str]:
    """Yield the name of every field in an object."""
    for name, inner in value.items() if isinstance(value, dict) else ():
        yield name
        yield from () if name in FREE else fields_of(inner)
    for inner in value if isinstance(value, list) else ():
        yield from fields_of(inner)


def objects(overlay: str) -> dict[str, dict[str, Any]]:
    """Return what an overlay makes, by kind, typed by kubectl without a cluster."""
    built = subprocess.run(["kubectl", "kustomize", FOLDER / "overlays" / overlay], capture_output=True, check=True)
    typed = subprocess.run(
        ["kubectl", "annotate", "--local", "-f", "-", "tested=yes", "-o", "json"],
        input=built.stdout,
        capture_output=True,
        check=True,
    )
    found, text, decoder = {}, typed.stdout.decode().strip(), json.JSONDecoder()
    while text:
        value, end = decoder.raw_decode(text)
        found[value["kind"]] = value
        text = text[end:].lstrip()
    return found


def pod_of(found: dict[str, dict[str, Any]]) -> dict[str, Any]:
    kind = next(kind for kind in POD_PATHS if kind in found)
    value = found[kind]
    for key in POD_PATHS[kind]:
        value = value[key]
    return value


@pytest.fixture(params=OVERLAYS)
def built(request):
    if shutil.which("kubectl") is None:
        pytest.skip("no kubectl here to build the overlays")
    return objects(request.param)


def test_the_namespace_enforces_the_profile(built):
    """A later mistake in a pod is refused by the cluster."""
    assert built["Namespace"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_pod_is_restricted(built):
    """Every demand of the profile `restricted` is met."""
    spec = pod_of(built)["spec"]
    (container,) = spec["containers"]

    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert {next(iter(volume.keys() - {"name"})) for volume in spec["volumes"]} <= ALLOWED_VOLUMES
    assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()


def test_the_root_is_read_only_and_the_rest_is_mounted(built):
    """State and scratch files have volumes of their own."""
    (container,) = pod_of(built)["spec"]["containers"]

    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    writable = {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")}
    assert writable == {"/var/lib/orchestrator", "/tmp"}  # noqa: S108  a volume of the pod


def test_the_state_has_one_writer(built):
    """One pod at a time, whatever the cluster does: kernel file locks do not reach further."""
    assert built["PersistentVolumeClaim"]["spec"]["accessModes"] == ["ReadWriteOncePod"]
    if "CronJob" in built:
        assert built["CronJob"]["spec"]["concurrencyPolicy"] == "Forbid"
    else:
        assert built["Deployment"]["spec"]["replicas"] == 1
        assert built["Deployment"]["spec"]["strategy"]["type"] == "Recreate"


def test_the_policy_is_about_the_pod(built):
    """The network policy selects the pod's labels, and lets nobody in."""
    policy = built["NetworkPolicy"]["spec"]

    wanted = policy["podSelector"]["matchLabels"]
    assert wanted.items() <= pod_of(built)["metadata"]["labels"].items()
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert not policy.get("ingress")


def test_the_settings_are_accepted(built, tmp_path):
    """The file in the ConfigMap loads, and every variable is a setting."""
    path = tmp_path / "config.toml"
    path.write_text(built["ConfigMap"]["data"]["config.toml"])
    (container,) = pod_of(built)["spec"]["containers"]

    assert load(path, environment={}).settings.jobs
    assert unknown_variables({variable["name"]: "" for variable in container["env"]}) == []


@needs_kubectl
def test_the_cron_job_ends_when_idle():
    """A pod of the CronJob ends; the daemon's does not."""
    (nightly,) = pod_of(objects("nightly"))["spec"]["containers"]
    (daemon,) = pod_of(objects("daemon"))["spec"]["containers"]

    assert nightly["args"] == ["serve", "--until-idle"]
    assert daemon["args"] == ["serve"]


@needs_kubectl
def test_a_pod_that_is_taken_away_does_not_count():
    """An eviction is begun again; what asks for a person is not tried again; all else is, a few times."""
    job = objects("nightly")["CronJob"]["spec"]["jobTemplate"]["spec"]
    pod = job["template"]["spec"]
    evicted, asks = job["podFailurePolicy"]["rules"]

    assert evicted == {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
    assert asks["action"] == "FailJob"
    assert asks["onExitCodes"]["containerName"] == pod["containers"][0]["name"]
    assert asks["onExitCodes"]["values"] == [1, 2, 3, 4]
    assert (pod["restartPolicy"], job["backoffLimit"] > 0) == ("Never", True)  # what the policy demands


@needs_kubectl
def test_a_daemon_that_hangs_is_found():
    """The probes ask for its heartbeat, with a command that exists."""
    (daemon,) = pod_of(objects("daemon"))["spec"]["containers"]

    for probe in (daemon["startupProbe"], daemon["livenessProbe"]):
        assert probe["exec"]["command"] == ["orchestrator", "--quiet", "health"]
    assert daemon["readinessProbe"]["exec"]["command"] == ["orchestrator", "--quiet", "health", "--ready"]
    assert "--ready" in {option for one in cli.commands["health"].params for option in one.opts}


def test_every_field_is_one_of_the_api(built):
    """A misspelt one would be refused by the cluster, or, from an older kubectl, ignored."""
    assert {name for one in built.values() for name in fields_of(one)} <= set(KNOWN_FIELDS.split())


@needs_kubectl
def test_a_night_ends_before_the_next_one_begins():
    """It is begun within an hour of its time, or not, and has the day less an hour; then the next pod goes on."""
    spec = objects("nightly")["CronJob"]["spec"]
    minute, hour, *every_day = spec["schedule"].split()

    assert (minute.isdigit(), hour.isdigit(), every_day) == (True, True, ["*", "*", "*"])
    assert 0 < spec["startingDeadlineSeconds"] <= 3600
    assert 80_000 < spec["jobTemplate"]["spec"]["activeDeadlineSeconds"] <= 86_400 - 3600


@needs_kubectl
@pytest.mark.parametrize(("overlay", "may_be_evicted"), [("nightly", "false"), ("daemon", "true")])
def test_who_takes_nodes_away_is_told_what_that_costs(overlay, may_be_evicted):
    """A night is waited for; a daemon that is there for months keeps no node."""
    found = objects(overlay)
    budget, annotations = found["PodDisruptionBudget"]["spec"], pod_of(found)["metadata"]["annotations"]

    assert annotations["cluster-autoscaler.kubernetes.io/safe-to-evict"] == may_be_evicted
    assert budget["selector"]["matchLabels"].items() <= pod_of(found)["metadata"]["labels"].items()
    assert (budget.get("minAvailable"), budget.get("maxUnavailable")) == (
        (1, None) if overlay == "nightly" else (None, 1)
    )
