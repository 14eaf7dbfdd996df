local leaving = require "druid.rollout.leaving"

local rows = { { name = "hot-2", ordinal = 2, uid = "u2" } }
local record = { since = 0, to = 2 }

local function servers(size, free)
  return { { host = "hot-0:8083", size = 1000, max = 1000 + (free or 5000), tier = "t" },
    { host = "hot-1:8083", size = 1000, max = 1000, tier = "t" }, { host = "hot-2:8083", size = size, max = 9000, tier = "t" },
    { host = "cold-0:8083", size = 0, max = 99000, tier = "cold" } }
end

local function facts(size, extra)
  local all = { servers = servers(size), decommissioning = {}, unavailable = 0, alone = function() return 5 end }
  for key, value in pairs(extra or {}) do
    if value == false then all[key] = nil else all[key] = value end
  end
  return all
end

local function options(extra)
  local one = { now = 100, period_s = 60, memory = {}, blind = function() return false end,
    config = { drain_s = 3600, on_timeout = "hold" } }
  for key, value in pairs(extra or {}) do one[key] = value end
  return one
end

local function said(made)
  local text = made.act
  for _, call in ipairs(made.calls) do
    text = text .. ", " .. call.op .. " " .. table.concat(call.hosts or { call.pod.name }, " ")
  end
  return text .. (made.waits_for and ": " .. made.waits_for or "")
end

local told = { "hot-2:8083" }

return {
  ["only what holds something is emptied before a set gets smaller"] = function(t)
    local entry = { type = "historical", group = { kind = "StatefulSet" }, state = { exists = true },
      live = { spec = { replicas = 3 } } }
    t.equal(leaving.due(entry, 2), { from = 3, to = 2 })
    t.equal(leaving.due(entry, 3), nil)
    t.equal(leaving.due(entry, nil), nil)
    entry.type = "broker"
    t.equal(leaving.due(entry, 2), nil)
    entry.type, entry.coming_up = "middleManager", true
    t.equal(leaving.due(entry, 2), nil)
  end,
  ["the highest ordinals leave, counted from where the set starts"] = function(t)
    local set = { start = 5, pods = { { name = "a-5", ordinal = 5 }, { name = "a-7", ordinal = 7 },
      { name = "a-6", ordinal = 6 } } }
    t.equal(leaving.rows(set, 1), { { name = "a-7", ordinal = 7 }, { name = "a-6", ordinal = 6 } })
  end,
  ["the Coordinator is told, then waited for"] = function(t)
    t.equal(said(leaving.next.historicals(rows, record, facts(1500), options())),
      "wait, decommission hot-2:8083: hot-2 has 1.5 kB to give away, deadline 1970-01-01T01:00:00Z")
    t.equal(said(leaving.next.historicals(rows, record, facts(1500, { decommissioning = told }), options())),
      "wait: hot-2 has 1.5 kB to give away, deadline 1970-01-01T01:00:00Z")
  end,
  ["an empty one is told to stay so, and goes when it is seen empty a run of the Coordinator later"] = function(t)
    local twice = options()
    local made = leaving.next.historicals(rows, record, facts(0), twice)
    t.equal(said(made),
      "wait, decommission hot-2:8083: hot-2 holds nothing; it is asked once more, deadline 1970-01-01T01:00:00Z")
    t.equal(made.unavailable, 0)
    local empty = facts(0, { decommissioning = told })
    twice.now = 159
    t.equal(leaving.next.historicals(rows, record, empty, twice).act, "wait")
    twice.now = 160
    t.equal(leaving.next.historicals(rows, record, empty, twice).act, "scale")
  end,
  ["it does not go while nobody knows what is loaded, nor while more is away than when it began"] = function(t)
    local memory = { size = 0, since = 0 }
    local unknown = facts(0, { decommissioning = told, unavailable = false })
    t.equal(said(leaving.next.historicals(rows, record, unknown, options({ memory = memory }))),
      "wait: the Coordinator does not know yet which segments are loaded, deadline 1970-01-01T01:00:00Z")
    t.equal(memory.size, nil)   -- it begins anew
    local begun = { since = 0, to = 2, unavailable = 1 }
    local function act(count)
      return leaving.next.historicals(rows, begun, facts(0, { decommissioning = told, unavailable = count }),
        options({ memory = { size = 0, since = 0 } })).act
    end
    t.equal(act(2), "wait")
    t.equal(act(1), "scale")
  end,
  ["one that is not announced is no empty one: it may restart, or have another name than its pod"] = function(t)
    local gone = { { name = "hot-9", ordinal = 9, uid = "u9", ready = false } }
    local waits = options()
    local made = leaving.next.historicals(gone, record, facts(1500), waits)
    t.equal(said(made),
      "wait: hot-9 is not among the servers that the Coordinator knows, deadline 1970-01-01T01:00:00Z")
    waits.now = 219
    t.equal(leaving.next.historicals(gone, record, facts(1500), waits).act, "wait")
    waits.now = 220
    t.equal(leaving.next.historicals(gone, record, facts(1500), waits).act, "scale")
    t.equal(leaving.next.historicals(gone, record, facts(1500, { servers = {} }), waits).act, "wait")
    gone[1].ready = true
    t.equal(leaving.next.historicals(gone, record, facts(1500), waits).act, "wait")
    gone[1].ready, gone[1].never_ready = false, true
    t.equal(leaving.next.historicals(gone, record, facts(1500, { servers = {} }), options()).act, "scale")
  end,
  ["without room elsewhere, of its own tier, nothing is begun"] = function(t)
    local made = leaving.next.historicals(rows, record, facts(1500, { servers = servers(1500, 100) }), options())
    t.equal(said(made), "wait: the Historicals that stay have room for 100 B, and 1.5 kB have to go there")
    t.ok(made.blocked)
  end,
  ["what cannot be moved but is held elsewhere, too, need not stay"] = function(t)
    local stalled = options()
    local the_facts = facts(1500, { decommissioning = told, alone = function() return 0 end })
    t.equal(leaving.next.historicals(rows, record, the_facts, stalled).act, "wait")
    stalled.now = 100 + 3 * 60
    t.equal(leaving.next.historicals(rows, record, the_facts, stalled).act, "scale")
    local still = options({ memory = { size = 1500, since = 0 }, now = 1000 })
    t.equal(leaving.next.historicals(rows, record, facts(1500, { decommissioning = told }), still).act, "wait")
  end,
  ["too late: held and told, or not, as it is declared"] = function(t)
    local made = leaving.next.historicals(rows, record, facts(1500, { decommissioning = told }),
      options({ now = 3600, remedy = "move it" }))
    t.equal(made.blocked, "hot-2 has 1.5 kB to give away after 60 min; it is held: move it")
    made = leaving.next.historicals(rows, record, facts(1500, { decommissioning = told }),
      options({ now = 3600, config = { drain_s = 3600, on_timeout = "proceed" } }))
    t.equal(made.act, "scale")
  end,
  ["a Coordinator that cannot be asked is waited for, not for ever"] = function(t)
    t.equal(said(leaving.next.historicals(rows, record, facts(1, { servers = false }), options())),
      "wait: the Coordinator cannot be asked, deadline 1970-01-01T01:00:00Z")
    local made = leaving.next.historicals(rows, record, facts(1, { servers = false }),
      options({ blind = function() return true end }))
    t.equal(made.act, "scale")
    t.equal(#made.notes, 1)
  end,
  ["workers leave when all of them are empty"] = function(t)
    local tasks = { ["mm-1"] = { "a" } }
    local the_facts = { overlord = "yes", worker = function(row) return { host = row.name, tasks = tasks[row.name] or {} } end,
      enabled = function() return false end, tasks = function(row) return tasks[row.name] or {} end }
    local memories = {}
    local function memory(row)
      memories[row.name] = memories[row.name] or {}
      return memories[row.name]
    end
    local the_options = options({ memory = memory })
    local two = { { name = "mm-2", ordinal = 2 }, { name = "mm-1", ordinal = 1 } }
    t.equal(leaving.next.workers(two, record, the_facts, the_options).act, "wait")
    tasks["mm-1"] = nil
    t.equal(leaving.next.workers(two, record, the_facts, the_options).act, "wait")
    the_options.now = 120
    t.equal(leaving.next.workers(two, record, the_facts, the_options).act, "scale")
  end,
  ["workers that take tasks are disabled first"] = function(t)
    local the_facts = { overlord = "yes", worker = function(row) return { host = row.name .. ":1", tasks = {} } end,
      enabled = function() return true end, tasks = function() return {} end }
    local made = leaving.next.workers({ { name = "mm-2", ordinal = 2 } }, record, the_facts,
      options({ memory = function() return {} end }))
    t.equal(said(made), "wait, disable mm-2: mm-2 runs no task, but it takes tasks still, deadline 1970-01-01T01:00:00Z")
  end,
}
