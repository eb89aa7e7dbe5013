# The program as a small image: no compiler, no shell scripts of ours, no root.
#
#   docker build -t orchestrator .
#   deploy/image/build          without an engine, on Debian, as root
#   docker run --rm --read-only --tmpfs /tmp -v orchestrator:/var/lib/orchestrator orchestrator demo --output demo
#
# State, results and everything else that is written lie in /var/lib/orchestrator; scratch files in TMPDIR.

FROM python:3.13-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /usr/local/lib/orchestrator
WORKDIR /build
# strip and readelf, for the packages' compiled files; not in the image.
RUN apt-get update && apt-get install --yes --no-install-recommends binutils
# Dependencies first: they change less often than the program, and their layer is kept.
COPY requirements.txt deploy/image/slim.py ./
RUN /usr/local/lib/orchestrator/bin/pip install --no-compile --require-hashes --only-binary :all: -r requirements.txt \
 && /usr/local/lib/orchestrator/bin/pip uninstall --yes --quiet pip \
 && python slim.py /usr/local/lib/orchestrator/lib/python3.13/site-packages
# The program is copied beside its dependencies: building a wheel would need a build system without a lock. All of it is
# loaded once: what it takes of its dependencies is compiled by that, and what is missing ends the build here.
COPY orchestrator ./orchestrator
RUN cp -r orchestrator /usr/local/lib/orchestrator/lib/python3.13/site-packages \
 && /usr/local/lib/orchestrator/bin/python -c "import importlib, pkgutil, orchestrator; names = [m.name for m in pkgutil.walk_packages(orchestrator.__path__, 'orchestrator.')]; [importlib.import_module(n) for n in names if not n.endswith(('__main__', 'pytest_plugin')) and '.migrations.' not in n]; import apprise, matplotlib.pyplot, pyarrow.parquet, rioxarray, zarr" \
 && printf '#!/usr/local/lib/orchestrator/bin/python\nfrom orchestrator.faces.cli.main import main\nmain()\n' \
    > /usr/local/lib/orchestrator/bin/orchestrator \
 && chmod 0755 /usr/local/lib/orchestrator/bin/orchestrator

FROM python:3.13-slim
# The one library that a wheel (rasterio's) takes from the system and that the slim base does not have.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends libexpat1 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin
# A fixed number, because Kubernetes can check a number (runAsNonRoot) but no name.
RUN groupadd --gid 65532 orchestrator \
 && useradd --uid 65532 --gid 65532 --no-create-home --home-dir /var/lib/orchestrator --shell /usr/sbin/nologin orchestrator \
 && install -d -o 65532 -g 65532 -m 0700 /var/lib/orchestrator
COPY --from=build /usr/local/lib/orchestrator /usr/local/lib/orchestrator
COPY LICENSE /usr/share/doc/orchestrator/LICENSE
ENV PATH=/usr/local/lib/orchestrator/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/var/lib/orchestrator \
    TMPDIR=/tmp \
    MPLCONFIGDIR=/tmp \
    ORCHESTRATOR_LOCAL__STATE_DIR=/var/lib/orchestrator/state \
    ORCHESTRATOR_LOG__STYLE=json
# A library that is missing ends the build here; the commands that only read the state would never notice.
RUN python -c "import imagecodecs, isal.isal_zlib, pyarrow, pyogrio, pyproj, rasterio, scipy, shapely"
WORKDIR /var/lib/orchestrator
VOLUME /var/lib/orchestrator
USER 65532:65532
# Healthy is: the daemon was heard of within a minute and the state answers. A run that waits for Google is healthy; a
# daemon that hangs or was stopped is not. A container that runs another command has no daemon: --no-healthcheck.
HEALTHCHECK --interval=1m --timeout=30s --start-period=2m CMD ["orchestrator", "--quiet", "health"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["orchestrator"]
CMD ["serve"]
