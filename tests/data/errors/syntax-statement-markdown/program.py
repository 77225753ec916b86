Here is the program:

```python
print(1)
```
