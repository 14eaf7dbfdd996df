-- outcome: done
return { run = function(ctx)
  for _, name in ipairs{ "load", "loadstring", "loadfile", "dofile", "debug", "io", "os", "package",
                         "coroutine", "collectgarbage", "xpcall", "rawset", "warn", "_G", "module",
                         "getfenv", "setfenv", "newproxy", "unpack", "jit", "ffi" } do
    local ok, text = pcall(function() return _ENV[name] end)
    assert(not ok and text:find("unknown global", 1, true), name)
    assert(not pcall(require, name), name)
  end
  assert(rawget(string, "dump") == nil and string.dump == nil and string.pack == nil)
  assert(math.randomseed == nil and not pcall(function() load("return 1") end))
  assert(not pcall(require, "base.string") and not pcall(require, "../m"))
end }
