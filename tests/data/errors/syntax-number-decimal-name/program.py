width = 10px
