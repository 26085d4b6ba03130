"""The service: records become tiles, tiles measurements, measurements findings, findings alerts."""
