local difference = require "lib.difference"

return {
  ["defaults of the server and entries of others are no difference"] = function(t)
    local wanted = { containers = { { name = "a", image = "x", env = { { name = "E", value = "1" } } } } }
    local live = { containers = {
      { name = "sidecar", image = "z" },
      { name = "a", image = "x", terminationMessagePath = "/dev/x",
        env = { { name = "I", value = "0" }, { name = "E", value = "1" } } },
    }, restartPolicy = "Always" }
    t.equal(difference.first(wanted, live), nil)
  end,
  ["a changed value is named by its path"] = function(t)
    local wanted = { spec = { containers = { { name = "a", image = "y" } } } }
    local live = { spec = { containers = { { name = "a", image = "x" } } } }
    t.equal(difference.first(wanted, live), "spec.containers.a.image")
  end,
  ["quantities are compared by value"] = function(t)
    t.equal(difference.first({ storage = "1024Mi" }, { storage = "1Gi" }), nil)
    t.equal(difference.first({ storage = "2Gi" }, { storage = "1Gi" }), "storage")
  end,
  ["a shorter plain list is a difference"] = function(t)
    t.equal(difference.first({ command = { "a" } }, { command = { "a", "b" } }), "command")
  end,
}
