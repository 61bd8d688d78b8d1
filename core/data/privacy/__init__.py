"""Personal data: detectors, one kind a module; what joins their hits; placeholders; and an exam with known truth."""
