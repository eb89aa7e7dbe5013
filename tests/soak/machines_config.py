"""What the processes of `machines.py` are told: their config.toml, a job of it, their environment."""

CONFIG = """
[ee]
url = "{url}"
project = "{project}"
[gcs]
url = "{url}"
bucket = "{bucket}"
[drive]
url = "{url}"
[local]
state_dir = "{folder}/state"
[store]
url = "{database}"
[serve]
allow_code = true
lease = "{leader_lease}s"
[engine]
executor = "dask"
lease = "{lease}s"
[dask]
scheduler_file = "{scheduler}"
[worker]
at_once = 2
"""
JOB = """
[jobs.{name}]
area = "area.geojson"
output = "out"
base_name = "{name}"
start_date = "2024-05-01"
end_date = "2024-06-01"
recipe = "image-code"
route = "{route}"
params = {{ file = "{folder}/image.py" }}
bands = ["x", "y", "mixed"]
grid = {{ crs = "EPSG:32633", scale = {scale} }}
max_part_size = "1.25 MiB"
every = "1m"
overlap = "skip"
"""
ENVIRONMENT = {
    "ORCHESTRATOR_EE__POLL_MIN": "0.5",
    "ORCHESTRATOR_LOG__LEVEL": "error",
    "ORCHESTRATOR_SERVE__PATIENCE": "2m",
}
