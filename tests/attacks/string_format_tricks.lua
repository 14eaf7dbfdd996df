-- outcome: done
return { run = function()
  assert(not pcall(string.format, "%p", {}))
  assert(not pcall(string.format, "%-10p", print))
  assert(not pcall(string.format, "%999999999d", 1))
  assert(not pcall(string.format, "%d"))
  assert(not pcall(string.format, "%"))
  assert(string.format("%s %s", {}, print) == "table function")
  assert(tostring({}) == "table" and tostring(json.null) == "null")
end }
