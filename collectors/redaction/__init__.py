"""Redaction before anything is stored: rules (`policy.py`), personal data in texts (`patterns.py`, `names.py`). Pure."""

from collectors.redaction.names import names_from as names_from
from collectors.redaction.policy import HeaderRule as HeaderRule
from collectors.redaction.policy import PatternRule as PatternRule
from collectors.redaction.policy import RedactionPolicy as RedactionPolicy
from collectors.redaction.policy import Rule as Rule
from collectors.redaction.policy import redact as redact
from collectors.redaction.policy import redact_headers as redact_headers
from collectors.redaction.policy import redact_id as redact_id
