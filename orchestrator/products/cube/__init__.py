"""The product `cube`: scenes of one area, date by date, on one grid."""
