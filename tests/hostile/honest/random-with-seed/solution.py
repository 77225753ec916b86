import random, secrets, uuid, os
random.seed(42)
print(random.randint(1, 100), random.Random(7).random() < 1, len(os.urandom(8)), len(secrets.token_hex(4)), len(str(uuid.uuid4())))
