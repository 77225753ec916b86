x = 'é'; y = x.missing
