# What `import orchestrator as orc` gives, for type checkers and editors; `__init__.py` imports each when it is used.
from orchestrator.api import AreaError as AreaError
from orchestrator.api import ConfigError as ConfigError
from orchestrator.api import Connection as Connection
from orchestrator.api import CredentialError as CredentialError
from orchestrator.api import IntegrityError as IntegrityError
from orchestrator.api import Job as Job
from orchestrator.api import LockedError as LockedError
from orchestrator.api import NeedsPerson as NeedsPerson
from orchestrator.api import OrchestratorError as OrchestratorError
from orchestrator.api import PermanentError as PermanentError
from orchestrator.api import Picture as Picture
from orchestrator.api import Plan as Plan
from orchestrator.api import PlanError as PlanError
from orchestrator.api import RecipeError as RecipeError
from orchestrator.api import Result as Result
from orchestrator.api import Run as Run
from orchestrator.api import RunFailed as RunFailed
from orchestrator.api import RunReport as RunReport
from orchestrator.api import RunState as RunState
from orchestrator.api import SpaceError as SpaceError
from orchestrator.api import Stopped as Stopped
from orchestrator.api import TransientError as TransientError
from orchestrator.api import UserError as UserError
from orchestrator.api import Why as Why
from orchestrator.api import connect as connect
from orchestrator.api import cube as cube
from orchestrator.api import open_cube as open_cube
from orchestrator.api import plan as plan
from orchestrator.api import run as run
from orchestrator.api import runs as runs
from orchestrator.api import sandbox as sandbox
from orchestrator.api import submit as submit

__version__: str
