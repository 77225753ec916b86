print('Christmas Eve Eve Eve')
