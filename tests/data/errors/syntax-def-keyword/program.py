def lambda():
    pass
