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
  ["an empty value that the server drops is no difference, one that means something is"] = function(t)
    t.equal(difference.first({ host = "", hostNetwork = false }, { port = 1 }), nil)
    t.equal(difference.first({ runAsUser = 0 }, { runAsGroup = 1 }), "runAsUser")
  end,
  ["what has left the Druid object and is still there is found"] = function(t)
    local function template(extra)
      local made = { metadata = { labels = { app = "druid" } },
        spec = { containers = { { name = "a", image = "x", env = { { name = "E", value = "1" } } } } } }
      return extra and extra(made) or made
    end
    local wanted = template()
    t.equal(difference.left(wanted, template(function(live)   -- defaults, and `kubectl rollout restart`
      live.metadata.annotations = { ["kubectl.kubernetes.io/restartedAt"] = "now" }
      live.spec.restartPolicy, live.spec.securityContext = "Always", {}
      live.spec.containers[1].terminationMessagePath = "/dev/x"
      return live
    end)), nil)
    t.equal(difference.left(wanted, template(function(live)
      live.spec.containers[2] = { name = "b" }
      return live
    end)), "spec.containers")
    t.equal(difference.left(wanted, template(function(live)
      live.spec.containers[1].env[1].name = "F"
      return live
    end)), "spec.containers.env")
    t.equal(difference.left(wanted, template(function(live)
      live.metadata.annotations = { note = "x" }
      return live
    end)), "metadata.annotations.note")
    t.equal(difference.left(wanted, template(function(live)
      live.spec.containers[1].lifecycle = { preStop = { exec = { command = { "x" } } } }
      return live
    end)), "spec.containers.lifecycle")
  end,
}
