"""Apigee's own parts: overrides files, custom resources, apigeectl."""
