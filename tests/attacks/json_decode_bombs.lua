-- outcome: done
return { run = function()
  assert(json.decode(("["):rep(100000)) == nil)
  assert(json.decode(("["):rep(1000) .. ("]"):rep(1000)) == nil)
  assert(json.decode("[1e999]") == nil)
  assert(json.decode("[99999999999999999999]") == nil)
  assert(json.decode('{"a":1,"a":2}') == nil)
  assert(json.decode('"\xff"') == nil)
end }
