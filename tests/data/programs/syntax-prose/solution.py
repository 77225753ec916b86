Here is the solution:

```python
print(1)
```
