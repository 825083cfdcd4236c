"""Apigee hybrid's stand-ins: apigeectl, the controller, cert-manager's part, and the first region's installation."""
