local quantity = require "lib.quantity"

return {
  ["equal values in different spellings are equal"] = function(t)
    t.ok(quantity.equal("1024Mi", "1Gi"))
    t.ok(quantity.equal("100m", "0.1"))
    t.ok(quantity.equal("1e3", "1k"))
    t.ok(quantity.equal(4, "4"))
    t.ok(not quantity.equal("1G", "1Gi"))
    t.ok(not quantity.equal("", ""))
  end,
  ["text that is no quantity is refused with the unit named"] = function(t)
    for _, text in ipairs({ "2GB", "ten", "", ".", "1 Gi", "1Gi ", "--1", "0x10" }) do
      local value, why = quantity.parse(text)
      t.equal(value, nil)
      t.ok(why)
    end
    local _, why = quantity.parse("2GB")
    t.ok(why:find("unknown unit \"GB\"", 1, true), why)
  end,
  ["less compares by value"] = function(t)
    t.ok(quantity.less("900Mi", "1Gi"))
    t.ok(not quantity.less("1Gi", "1Gi"))
    t.equal(quantity.less("x", "1"), nil)
  end,
  ["numbers become texts of the same value, and what is not there stays away"] = function(t)
    t.equal(quantity.text(4), "4")
    t.equal(quantity.text(0.5), "0.5")
    t.equal(quantity.text("500m"), "500m")
    local block = { limits = { cpu = 2, memory = "1Gi" }, claims = { { name = "gpu" } } }
    t.equal(quantity.resources(block), { limits = { cpu = "2", memory = "1Gi" }, claims = { { name = "gpu" } } })
    t.equal(block.limits.cpu, 2)
    t.equal(quantity.resources(nil), nil)
    t.equal(json.encode(quantity.resources({ limits = json.object({}) })), '{"limits":{}}')
  end,
}
