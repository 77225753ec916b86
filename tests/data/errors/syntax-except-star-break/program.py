for i in [1]:
    try:
        x = 1
    except* ValueError:
        break
