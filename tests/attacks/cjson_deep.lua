-- outcome: done
return { run = function()
  assert(not pcall(cjson.decode, ("["):rep(1000)))
  assert(not pcall(cjson.decode, ("["):rep(100) .. ("]"):rep(100)))
  assert(not pcall(cjson.decode, (" "):rep((1 << 20) + 1)))
  assert(not pcall(cjson.decode, "[NaN]"))
  local circle = {}
  circle.circle = circle
  assert(not pcall(cjson.encode, circle))
  assert(not pcall(cjson.encode, { f = print }))
  assert(cjson.decode("[1, 2.5]")[1] == 1)
end }
