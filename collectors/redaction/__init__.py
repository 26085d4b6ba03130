"""Redaction before anything is stored: rules by name (`policy.py`), personal data in texts (`patterns.py`). Pure."""

from collectors.redaction.policy import RedactionPolicy as RedactionPolicy
from collectors.redaction.policy import Rule as Rule
from collectors.redaction.policy import redact as redact
from collectors.redaction.policy import redact_id as redact_id
