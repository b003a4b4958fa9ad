"""Objectives: what training minimises, one file each. A file here registers its class in OBJECTIVES."""
