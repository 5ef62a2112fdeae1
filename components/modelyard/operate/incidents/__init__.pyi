from .place import Desk as Desk
from .place import Incident as Incident
from .place import caller as caller
from .place import close as close
from .place import desks_of as desks_of
from .place import fetch as fetch
from .place import incidents as incidents
