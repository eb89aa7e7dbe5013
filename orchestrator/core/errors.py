"""
The errors of the house, as one tree. A class says who must act; the message says what was found,
what was expected and what to do.

    OrchestratorError
    ├── UserError            the person who asked: nothing remote has happened because of it
    │   ├── AreaError        the area's file or geometry
    │   ├── ConfigError      a setting, its file and its key
    │   ├── ExtraError       an optional part that is not installed
    │   ├── PlanError        a grid or a budget that cannot be met
    │   ├── UnknownNameError  no run or job is called so
    │   └── RecipeError      what the pixels should be: bands, dates, parameters, user code
    ├── TransientError       time: the same call may succeed later
    │   ├── UnreachableError  ... because nobody answers at the address: said at once, not after all retries
    │   ├── UnansweredError  ... if less is asked for at once: it computed for as long as it may, and said nothing
    │   ├── QuotaError       ... but not before the quota returns, at `again_at`
    │   └── ThrottleError    ... and the service asked us to slow down, by `wait_seconds` where it says so
    │       └── QueueFullError  ... because its queue of tasks is full; nothing was started
    ├── PermanentError       nobody: the service said no and will say no again
    │   ├── CredentialError  ... because it does not know us or does not let us, or cannot prove who it is
    │   ├── NotFoundError    ... because the thing is not there
    │   └── RunFailed        ... to a whole run, or somebody cancelled it
    ├── NeedsPerson          somebody: a run is held for what will not pass by itself
    ├── AuditError           somebody: values of a result are not what the service answers
    ├── IntegrityError       us: bytes or state are not what was promised
    │   ├── FencedError      ... because the lease is over and the work is another's: nothing was written, leave it
    │   ├── GenerationError  ... because the object changed after it was listed
    │   ├── DamagedObjectError  ... because the object itself is proved not to be what its checksum says
    │   └── WayError         ... because something between here and the service alters bytes; also a TransientError
    ├── StateError           us, or a person: the state cannot be read or written; on its word nothing is decided
    │   ├── ClosedStateError  ... because its server lets nobody write, or no more lets us in: a switch-over ends so
    │   └── MovedError       ... because it is in another database now: a setting is to name that one
    ├── SpaceError           a disk is too full to go on
    └── Stopped              somebody asked us to stop; the work continues at the next start
"""

from datetime import datetime

# No word of a service makes anybody wait longer before the next look: a slip, or somebody in between, could otherwise
# stop every run of a process for days, and an hour costs a service that means it one request.
LONGEST_ASKED_SECONDS = 3600.0


class OrchestratorError(Exception):
    """Root of every error raised on purpose in this program."""

    exit_code = 1


class UserError(OrchestratorError):
    """What was asked for is not possible as asked; raised before anything remote happens."""

    exit_code = 2


# Of an area that is a file; said where it is read, and where it is only looked for.
NO_AREA_FILE = "no such file; give a vector file, or a box as left,bottom,right,top"


class AreaError(UserError):
    """The area's file cannot be read or does not describe a usable area."""


class ConfigError(UserError):
    """A setting is unknown, missing or out of range."""

    exit_code = 4


class NoBucketError(UserError):
    """A result is to go to a bucket that does not exist; nothing was begun."""

    def __init__(self, bucket: str, said: str) -> None:
        super().__init__(
            f"there is no bucket gs://{bucket}: correct its name, or make it (`gcloud storage buckets create "
            f"gs://{bucket}`); {said}"
        )


class ExtraError(UserError):
    """A part of the program that only some need is not installed; the message names the extra and the command."""


class PlanError(UserError):
    """No grid or split satisfies what was asked."""


class UnknownNameError(UserError):
    """No run, or no job, is called so."""


class RecipeError(UserError):
    """The recipe, its bands, dates or parameters cannot give an image."""


class TransientError(OrchestratorError):
    """The call failed for a reason that passes; trying again later is right."""

    exit_code = 5


class UnreachableError(TransientError):
    """Nobody answers at a service's address: it is wrong, or the network is down."""


class UnansweredError(TransientError):
    """The service computed for as long as it may and did not answer: less at once may be answered."""


class QuotaError(TransientError):
    """
    A quota for a day or longer is used up: trying again before it returns is of no use, and is not done.

    Attributes:
        again_at: When to look again, in UTC.
    """

    def __init__(self, message: str, again_at: datetime) -> None:
        super().__init__(message)
        self.again_at = again_at


class ThrottleError(TransientError):
    """
    The service asked for fewer calls.

    Attributes:
        wait_seconds: The least pause before the next call, where the service or its sentence says one; an hour at most.
    """

    def __init__(self, message: str, wait_seconds: float = 0.0) -> None:
        super().__init__(message)
        self.wait_seconds = min(wait_seconds, LONGEST_ASKED_SECONDS)


class QueueFullError(ThrottleError):
    """The queue of tasks is full, for now; the task was not taken and may be handed over later."""


class PermanentError(OrchestratorError):
    """The service refused and will refuse again; its own sentence is in the message."""


class CredentialError(PermanentError):
    """The service does not accept who we are, or what we may do."""

    exit_code = 4


class NotFoundError(PermanentError):
    """The named thing does not exist in the service."""


class RunFailed(PermanentError):  # noqa: N818  what a caller of the Python API catches, by the word it knows
    """A run has ended without a result; why is in the message."""


class NeedsPerson(OrchestratorError):  # noqa: N818  likewise
    """A run is held for something that will not pass by itself; what to do is in the message."""

    exit_code = 3


class AuditError(OrchestratorError):
    """A published result holds values that the service does not answer; how many, and the first, is in the message."""

    exit_code = 6


class IntegrityError(OrchestratorError):
    """Bytes or state differ from what was promised; nothing may be built on them."""


class StateError(OrchestratorError):
    """The state database is damaged, or its file cannot be used: nothing is done remotely, nor given up, for it."""


class ClosedStateError(StateError):
    """
    The state's server is there and may only be read, or lets this process in no more, which it had let in.

    A server that takes over, a password that is being changed and a person with a mistake look alike: who works for
    months waits for either, having said so; whoever asked for one thing is told.
    """


class MovedError(StateError):
    """The state was moved to another database; the message says to which, and what to write into the settings."""

    exit_code = 4


class FencedError(IntegrityError):
    """A lease was lost to somebody else, or given back: what was done under it is not written down."""

    exit_code = 5


class GenerationError(IntegrityError):
    """An object was replaced after it was listed."""


class DamagedObjectError(IntegrityError):
    """
    An object is proved bad by its own checksum: only making it again helps.

    Proved means: whole downloads over separate connections, cut differently, agree with each other in every byte and
    differ from the checksum that the service, asked anew, states for the object.
    """


class WayError(TransientError, IntegrityError):
    """
    Bytes arrive wrong and the object is not proved bad: the way is suspected; the object stays, nobody makes it again.

    Somebody in between alters, caches or cuts; it may pass, or a person looks at the network.
    """


class SpaceError(OrchestratorError):
    """
    A disk has too little room for the next step.

    Attributes:
        need_bytes: What should be free before it is tried again, where that is known; 0 is not.
    """

    exit_code = 5

    def __init__(self, message: str, need_bytes: int = 0) -> None:
        super().__init__(message)
        self.need_bytes = need_bytes


class Stopped(OrchestratorError):  # noqa: N818  it is a request that was obeyed, not a fault
    """The run was asked to stop; its state is committed and it continues at the next start."""

    exit_code = 130
