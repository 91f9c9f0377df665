"""(e) The service as it is shipped, with the payload's own time as its clock."""

from bench.payloads import AT
from cds_service.app import create_app
from cds_service.settings import Settings

app = create_app(Settings.from_environment({"CART_CDS_MAX_BODY_MIB": "64"}), clock=lambda: AT)
