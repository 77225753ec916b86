print(f'{1')
