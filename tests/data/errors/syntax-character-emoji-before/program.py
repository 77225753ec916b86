label = "🎉🎉"; value = )
