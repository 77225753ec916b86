a = '𝒳𝒴𝒵🎉'; b = '日本語'; c = a.missing
