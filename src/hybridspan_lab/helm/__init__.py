"""The Helm era of the lab: charts with the documented names, the definitions that go before them, and their installation."""
