-- outcome: done
return { run = function(ctx)
  assert(getmetatable("") == false)
  assert(not pcall(setmetatable, string, {}))
  assert(not pcall(setmetatable, json.array{}, {}))
  assert(not pcall(setmetatable, json.object{}, nil))
  assert(not pcall(setmetatable, "", {}))
  assert(not pcall(setmetatable, _ENV, {}))
  assert(getmetatable(string) == false and getmetatable(_ENV) == false)
  assert(getmetatable(json.null) == false and getmetatable(ctx) == false)
  assert(not pcall(setmetatable, ctx, {}))
  local _, err = json.decode("{")
  assert(getmetatable(err) == false)
  for _, lib in ipairs{ string, table, math, utf8, json, cjson, yaml, log, clock, digest, random,
                        kube, http, _ENV } do
    assert(not pcall(function() lib.rep = print end))
    assert(next(lib) == nil)
  end
  assert(not pcall(function() evil = 1 end))
  assert(not pcall(function() print = nil end))
  assert(("x"):rep(2) == "xx")
end }
