local condition = require "lib.condition"

return {
  ["the transition time stays while the status stays"] = function(t)
    local old = { { type = "Ready", status = "False", reason = "A", lastTransitionTime = "then" } }
    local new = condition.merge(old, { { type = "Ready", status = "False", reason = "B" } }, 3, "now")
    t.equal(new[1].lastTransitionTime, "then")
    t.equal(new[1].reason, "B")
    t.equal(new[1].observedGeneration, 3)
  end,
  ["the transition time moves when the status does"] = function(t)
    local old = { { type = "Ready", status = "False", lastTransitionTime = "then" } }
    local new = condition.merge(old, { { type = "Ready", status = "True" } }, 1, "now")
    t.equal(new[1].lastTransitionTime, "now")
  end,
}
