"""The shape of a campaign's configuration: pure, no tables. One model, one gate, errors with a path and a cure."""
