"""The overlays build, and their pods are allowed in a namespace with the profile `restricted`."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.config import Settings, load, unknown_variables
from orchestrator.faces.cli.main import cli

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
OVERLAYS = sorted(path.name for path in (FOLDER / "overlays").iterdir())
needs_kubectl = pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl here to build the overlays")
WORKER = "Deployment orchestrator-worker"
POD_PATHS = {
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "Deployment": ("spec", "template"),
    WORKER: ("spec", "template"),
}
SHARED = "/srv/orchestrator"  # where several pods have the results
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
automountServiceAccountToken averageUtilization backoffLimit behavior capabilities cidr claimName command
concurrencyPolicy configMap containerName containers data defaultMode drop egress emptyDir enableServiceLinks env
exec failedJobsHistoryLimit failureThreshold fsGroup fsGroupChangePolicy image ingress ipBlock jobTemplate kind
labels labelSelector limits livenessProbe matchLabels maxReplicas maxSkew maxUnavailable metadata metrics
minAvailable minReplicas mountPath name namespace onExitCodes onPodConditions operator periodSeconds
persistentVolumeClaim podFailurePolicy podSelector policyTypes port ports protocol readinessProbe readOnly
readOnlyRootFilesystem replicas requests resource resources restartPolicy rules runAsGroup runAsNonRoot runAsUser
scaleDown scaleTargetRef schedule seccompProfile secret secretName securityContext selector serviceAccountName
sizeLimit spec stabilizationWindowSeconds startingDeadlineSeconds startupProbe status strategy
successfulJobsHistoryLimit target template terminationGracePeriodSeconds timeoutSeconds timeZone to topologyKey
topologySpreadConstraints ttlSecondsAfterFinished type unhealthyPodEvictionPolicy value values volumeMounts volumes
whenUnsatisfiable
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
    """
    Return what an overlay makes, typed by kubectl without a cluster.

    By kind where it is called as the program, and what it makes besides by kind and name.
    """
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
        kind, name = value["kind"], value["metadata"]["name"]
        is_own = name == "orchestrator" or kind == "ConfigMap"  # whose name ends with a checksum
        found[kind if is_own else f"{kind} {name}"] = value
        text = text[end:].lstrip()
    return found


def pod_of(found: dict[str, dict[str, Any]], kind: str = "") -> dict[str, Any]:
    kind = kind or next(kind for kind in POD_PATHS if kind in found)
    value = found[kind]
    for key in POD_PATHS[kind]:
        value = value[key]
    return value


def pods_of(found: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [pod_of(found, kind) for kind in POD_PATHS if kind in found]


@pytest.fixture(params=OVERLAYS, scope="module")
def built(request):
    if shutil.which("kubectl") is None:
        pytest.skip("no kubectl here to build the overlays")
    return objects(request.param)


def test_the_namespace_enforces_the_profile(built):
    """A later mistake in a pod is refused by the cluster."""
    assert built["Namespace"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_pod_is_restricted(built):
    """Every demand of the profile `restricted` is met."""
    for spec in (pod["spec"] for pod in pods_of(built)):
        (container,) = spec["containers"]

        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert {next(iter(volume.keys() - {"name"})) for volume in spec["volumes"]} <= ALLOWED_VOLUMES
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()


def test_the_root_is_read_only_and_the_rest_is_mounted(built):
    """State and scratch files have volumes of their own, and what several pods share another."""
    shared = {SHARED} if WORKER in built else set()

    for pod in pods_of(built):
        (container,) = pod["spec"]["containers"]
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        writable = {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")}
        assert writable == {"/var/lib/orchestrator", "/tmp"} | shared  # noqa: S108  a volume of the pod


def test_the_state_has_one_writer(built):
    """
    One pod at a time, whatever the cluster does: kernel file locks do not reach further.

    Where a database has the state, several may; all end before those of a newer program begin.
    """
    if WORKER in built:
        assert "PersistentVolumeClaim" not in built
        assert built["Deployment"]["spec"]["replicas"] == 2
        assert built["Deployment"]["spec"]["strategy"]["type"] == "Recreate"
        return
    assert built["PersistentVolumeClaim"]["spec"]["accessModes"] == ["ReadWriteOncePod"]
    if "CronJob" in built:
        assert built["CronJob"]["spec"]["concurrencyPolicy"] == "Forbid"
    else:
        assert built["Deployment"]["spec"]["replicas"] == 1
        assert built["Deployment"]["spec"]["strategy"]["type"] == "Recreate"


def test_the_policy_is_about_the_pod(built):
    """Each pod's labels are selected by one network policy, which lets nobody in."""
    policies = [one["spec"] for kind, one in built.items() if kind.startswith("NetworkPolicy")]
    pods = pods_of(built)

    assert len(policies) == len(pods)
    for policy, pod in zip(policies, pods, strict=True):
        wanted = policy["podSelector"]["matchLabels"]
        assert wanted.items() <= pod["metadata"]["labels"].items()
        assert policy["policyTypes"] == ["Ingress", "Egress"]
        assert not policy.get("ingress")


def test_the_settings_are_accepted(built, tmp_path):
    """The file in the ConfigMap loads, and every variable is a setting."""
    path = tmp_path / "config.toml"
    path.write_text(built["ConfigMap"]["data"]["config.toml"])
    containers = [one for pod in pods_of(built) for one in pod["spec"]["containers"]]

    assert load(path, environment={}).settings.jobs
    assert unknown_variables({variable["name"]: "" for one in containers for variable in one["env"]}) == []


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
@pytest.mark.parametrize(("overlay", "may_be_evicted"), [("nightly", "false"), ("daemon", "true"), ("several", "true")])
def test_who_takes_nodes_away_is_told_what_that_costs(overlay, may_be_evicted):
    """A night is waited for; a daemon that is there for months keeps no node."""
    found = objects(overlay)
    budget, annotations = found["PodDisruptionBudget"]["spec"], pod_of(found)["metadata"]["annotations"]

    assert annotations["cluster-autoscaler.kubernetes.io/safe-to-evict"] == may_be_evicted
    assert budget["selector"]["matchLabels"].items() <= pod_of(found)["metadata"]["labels"].items()
    assert (budget.get("minAvailable"), budget.get("maxUnavailable")) == (
        (1, None) if overlay == "nightly" else (None, 1)
    )


@pytest.fixture(scope="module")
def several():
    if shutil.which("kubectl") is None:
        pytest.skip("no kubectl here to build the overlays")
    return objects("several")


def test_workers_are_the_daemon_s_program(several):
    """Of one image, with one configuration, with the identity of the daemon; the command exists."""
    daemon, worker = (pod_of(several, kind)["spec"] for kind in ("Deployment", WORKER))
    (one,), (other,) = daemon["containers"], worker["containers"]

    assert (one["args"], other["args"]) == (["serve", "--standby"], ["worker"])
    assert {one["args"][0], *other["args"]} <= set(cli.commands)
    assert "--standby" in {option for each in cli.commands["serve"].params for option in each.opts}
    assert (one["image"], one["env"]) == (other["image"], other["env"])
    assert daemon["serviceAccountName"] == worker["serviceAccountName"]


def test_runs_lie_under_one_path_for_all(several, tmp_path):
    """Daemon and workers mount one volume that many may write at one path, and every job's output lies there."""
    mounted = []
    for pod in pods_of(several):
        (container,) = pod["spec"]["containers"]
        volumes = {one["name"]: one for one in pod["spec"]["volumes"]}
        mounts = {one["mountPath"]: volumes[one["name"]] for one in container["volumeMounts"]}
        mounted.append((mounts[SHARED]["persistentVolumeClaim"]["claimName"], mounts["/etc/orchestrator"]))
    path = tmp_path / "config.toml"
    path.write_text(several["ConfigMap"]["data"]["config.toml"])

    assert mounted[0] == mounted[1]
    claim = several[f"PersistentVolumeClaim {mounted[0][0]}"]
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    settings = load(path, environment={}).settings
    assert all(job.output.startswith(f"{SHARED}/") for job in settings.jobs.values())
    assert settings.local.work_dir == ""  # beside the output


def test_the_password_is_a_secret_that_is_made_by_hand(several, tmp_path):
    """It stands in no object; both pods mount it where the settings look for it, closed to everybody else."""
    path = tmp_path / "config.toml"
    path.write_text(several["ConfigMap"]["data"]["config.toml"])
    file = Path(load(path, environment={}).settings.store.password_file)

    assert not [kind for kind in several if kind.startswith("Secret")]
    for pod in pods_of(several):
        (container,) = pod["spec"]["containers"]
        (mount,) = [one for one in container["volumeMounts"] if one["mountPath"] == str(file.parent)]
        (volume,) = [one for one in pod["spec"]["volumes"] if one["name"] == mount["name"]]
        assert mount["readOnly"] is True
        assert volume["secret"]["defaultMode"] & 0o007 == 0
        assert volume["secret"]["secretName"] == "orchestrator-database"


def test_each_of_the_two_daemons_is_asked_for_itself(several):
    """That the other one is well says nothing of a process that hangs; and they are on two machines, if there are."""
    spec = pod_of(several)["spec"]
    (daemon,) = spec["containers"]

    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert daemon[probe]["exec"]["command"][:4] == ["orchestrator", "--quiet", "health", "--here"]
        assert daemon[probe]["timeoutSeconds"] == 30  # as in the overlay below
    assert "--here" in {option for one in cli.commands["health"].params for option in one.opts}
    (spread,) = spec["topologySpreadConstraints"]
    assert spread["labelSelector"]["matchLabels"] == pod_of(several)["metadata"]["labels"]


def test_a_worker_has_time_to_drain(several):
    """The cluster kills it later than it ends by itself."""
    assert pod_of(several, WORKER)["spec"]["terminationGracePeriodSeconds"] > Settings().worker.drain


def test_every_pod_reaches_the_database(several):
    """At PostgreSQL's port, beside what any pod may call."""
    for kind in ("NetworkPolicy", "NetworkPolicy orchestrator-worker"):
        ports = [port for rule in several[kind]["spec"]["egress"] for port in rule["ports"]]
        assert {"protocol": "TCP", "port": 5432} in ports


def test_the_number_of_workers_is_the_autoscaler_s(several):
    """It scales the Deployment that there is, which names no number itself; a drained node takes one at a time."""
    scaler = several["HorizontalPodAutoscaler orchestrator-worker"]["spec"]

    assert f"{scaler['scaleTargetRef']['kind']} {scaler['scaleTargetRef']['name']}" == WORKER
    assert "replicas" not in several[WORKER]["spec"]
    assert 0 < scaler["minReplicas"] < scaler["maxReplicas"]
    budget = several["PodDisruptionBudget orchestrator-worker"]["spec"]
    assert budget["maxUnavailable"] == 1
    assert budget["selector"] == several[WORKER]["spec"]["selector"]


def test_no_selector_takes_the_other_s_pods(several):
    """A Deployment, a budget and a policy of the daemon are not about workers, nor the other way round."""
    labels = [pod["metadata"]["labels"]["app.kubernetes.io/name"] for pod in pods_of(several)]

    assert labels == ["orchestrator", "orchestrator-worker"]
