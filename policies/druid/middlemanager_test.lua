local middlemanager = require "druid.middlemanager"

local function pod(ordinal, revision, extra)
  local one = { name = "mm-" .. ordinal, uid = "u" .. ordinal, ordinal = ordinal, revision = revision or "old",
    ready = true, since = 0, deleting = false }
  for key, value in pairs(extra or {}) do
    one[key] = value
  end
  return one
end

local function set(pods, records)
  return { name = "mm", total = #pods, seen = true, revision = "new", pods = pods, records = records or {} }
end

-- What Druid says: by pod { own = ids, listed = ids, off = disabled, away = not on the list, silent = gives no answer }.
local function facts(by_pod, overlord)
  local all = { overlord = overlord or "yes" }
  local function of(row) return by_pod[row.name] or {} end
  function all.worker(row)
    local one = of(row)
    if one.away then return nil end
    return { host = row.name .. ":8091", tasks = one.listed or one.own or {}, disabled = one.off or false }
  end
  function all.enabled(row)
    if of(row).silent then return nil end
    return not of(row).off
  end
  function all.tasks(row)
    if of(row).silent then return nil end
    return of(row).own or {}
  end
  function all.status(id) return (by_pod.status or {})[id] end
  return all
end

local function options(extra)
  local memories = {}
  local one = { now = 1000, blind = function() return false end,
    config = middlemanager.config({ spec = {} }, { node = {} }),
    memory = function(row) memories[row.name] = memories[row.name] or {}; return memories[row.name] end }
  for key, value in pairs(extra or {}) do
    one[key] = value
  end
  return one
end

local function said(plan)
  local parts = { plan.act .. (plan.pod and " " .. plan.pod.name or "") }
  for _, call in ipairs(plan.calls) do
    parts[#parts + 1] = call.op .. " " .. call.pod.name
  end
  return table.concat(parts, ", ")
end

local function draining(ordinal, since, extra)
  local record = { uid = "u" .. ordinal, phase = "drain", since = since or 990, asked = true, host = "mm-" .. ordinal .. ":8091" }
  for key, value in pairs(extra or {}) do record[key] = value end
  return { ["mm-" .. ordinal] = record }
end

local function run_twice(the_set, the_facts, the_options, seconds)
  middlemanager.next(the_set, the_facts, the_options)
  the_options.now = the_options.now + seconds
  return middlemanager.next(the_set, the_facts, the_options)
end

local batch = { "index_parallel_a" }

return {
  ["a block in the Druid object changes what is usual"] = function(t)
    local config = middlemanager.config({ spec = {} }, { node = {} })
    t.equal(config, { strategy = "drain", drain_s = 3600, ready_s = 1800, on_timeout = "hold", when_deleted = "none" })
    config = middlemanager.config({ spec = { middleManagerDrainStrategy = { drainTimeout = "2h", podReadyTimeout = "10m" } } },
      { node = {} })
    t.equal(config, { strategy = "drain", drain_s = 7200, ready_s = 600, on_timeout = "proceed", when_deleted = "none" })
    t.equal(middlemanager.config({ spec = { middleManagerDrainStrategy = { onTimeout = "proceed" } } },
      { node = { middleManagerDrainStrategy = { onTimeout = "hold", strategy = "none" } } }).on_timeout, "hold")
  end,
  ["workers of a cluster that is deleted are emptied where that is asked for, by the cluster or a group"] = function(t)
    local function drains(all, own, kind)
      return middlemanager.drains_when_deleted({ spec = { middleManagerDrainStrategy = all }, groups = {
        { type = "broker", kind = "StatefulSet", node = { middleManagerDrainStrategy = { whenDeleted = "drain" } } },
        { type = "indexer", kind = kind or "StatefulSet", node = { middleManagerDrainStrategy = own } } } })
    end
    t.equal(drains(), false)
    t.equal(drains({ whenDeleted = "drain" }), true)
    t.equal(drains({ whenDeleted = "drain" }, { whenDeleted = "none" }), false)
    t.equal(drains({ whenDeleted = "drain" }, { drainTimeout = "1h" }), false, "a group's block replaces the cluster's")
    t.equal(drains(nil, { whenDeleted = "drain" }), true)
    t.equal(drains(nil, { whenDeleted = "drain" }, "Deployment"), false)
  end,
  ["how many may be away"] = function(t)
    for text, count in pairs({ ["10%"] = 2, ["1%"] = 1, ["100%"] = 20, ["3"] = 3 }) do
      t.equal(middlemanager.limit(text, 20), count, text)
    end
    t.equal(middlemanager.limit(4, 20), 4)
    t.equal(middlemanager.limit(nil, 20), 1)
    t.equal(middlemanager.limit(0, 20), 1)
  end,
  ["the idlest worker is disabled first, and noted before"] = function(t)
    local plan = middlemanager.next(set({ pod(0), pod(1), pod(2) }),
      facts({ ["mm-2"] = { own = { "a", "b" } }, ["mm-1"] = { own = { "a" } } }), options())
    t.equal(said(plan), "wait, disable mm-0")
    t.equal(plan.records, { ["mm-0"] = { uid = "u0", phase = "drain", since = 1000, host = "mm-0:8091", asked = true } })
  end,
  ["as many are disabled as may be away"] = function(t)
    local config = middlemanager.config({ spec = { middleManagerDrainStrategy = { maxUnavailable = "50%" } } }, { node = {} })
    local plan = middlemanager.next(set({ pod(0), pod(1), pod(2), pod(3, "new", { ready = false }) }), facts({}),
      options({ config = config }))
    t.equal(said(plan), "wait, disable mm-2")
  end,
  ["a worker with a batch task is waited for, streaming or not"] = function(t)
    local plan = middlemanager.next(set({ pod(0), pod(1) }, draining(1)),
      facts({ ["mm-1"] = { own = batch, off = true } }), options())
    t.equal(said(plan), "wait, hand_off mm-1")
    t.ok(plan.waits_for:find("^mm%-1 runs 1 task, deadline "), plan.waits_for)
    plan = middlemanager.next(set({ pod(0), pod(1) }, plan.records), facts({ ["mm-1"] = { own = batch, off = true } }), options())
    t.equal(said(plan), "wait")
  end,
  ["empty once is not enough, empty twice is"] = function(t)
    local all = options()
    local the_set, the_facts = set({ pod(0), pod(1) }, draining(1)), facts({ ["mm-1"] = { off = true } })
    t.equal(said(middlemanager.next(the_set, the_facts, all)), "wait")
    all.now = 1005
    t.equal(said(middlemanager.next(the_set, the_facts, all)), "wait")
    all.now = 1010
    local plan = middlemanager.next(the_set, the_facts, all)
    t.equal(said(plan), "replace mm-1")
    t.equal(plan.records["mm-1"].phase, "restart")
  end,
  ["a task that arrives between begins the count anew"] = function(t)
    local all, the_set = options(), set({ pod(0), pod(1) }, draining(1))
    middlemanager.next(the_set, facts({ ["mm-1"] = { off = true } }), all)
    all.now = 1005
    middlemanager.next(the_set, facts({ ["mm-1"] = { off = true, own = batch } }), all)
    all.now = 1011
    t.equal(said(middlemanager.next(the_set, facts({ ["mm-1"] = { off = true } }), all)), "wait")
  end,
  ["a worker that is enabled again while it drains is disabled again"] = function(t)
    t.equal(said(middlemanager.next(set({ pod(0), pod(1) }, draining(1)), facts({ ["mm-1"] = { own = batch } }), options())),
      "wait, disable mm-1")
  end,
  ["tasks that the worker denies are given up after two minutes, with a word"] = function(t)
    local ghost = facts({ ["mm-1"] = { own = {}, listed = { "ghost", "over" }, off = true },
      status = { ghost = "RUNNING", over = "SUCCESS" } })
    local all, the_set = options(), set({ pod(0), pod(1) }, draining(1))
    t.equal(middlemanager.next(the_set, ghost, all).act, "wait")
    all.now = 1000 + middlemanager.denied_s - 1
    t.equal(middlemanager.next(the_set, ghost, all).act, "wait")
    all.now = 1000 + middlemanager.denied_s
    local plan = middlemanager.next(the_set, ghost, all)
    t.equal(said(plan), "replace mm-1")
    t.equal(plan.notes, { "the Overlord lists ghost (RUNNING) on mm-1 that the worker denies" })
    t.equal(plan.records["mm-1"].why, plan.notes[1])
    t.equal(plan.records["mm-1"].drained, nil)
  end,
  ["each of them is looked at by its status: one that is over is none, one on its way or unknown is waited for"] = function(t)
    local status = { a = "SUCCESS", b = "gone" }
    local function act(seconds)
      return run_twice(set({ pod(0), pod(1) }, draining(1)), facts({ ["mm-1"] = { own = {}, listed = { "a", "b" }, off = true },
        status = status }), options(), seconds).act
    end
    t.equal(act(middlemanager.confirm_s), "replace")
    status.b = "PENDING"
    t.equal(act(middlemanager.denied_s), "wait")
    status.b = nil   -- no answer
    t.equal(act(middlemanager.denied_s), "wait")
    status.b = "RUNNING"
    t.equal(act(middlemanager.denied_s), "replace")
  end,
  ["a worker that cannot be disabled is never empty, whatever it says"] = function(t)
    local one = set({ pod(0), pod(1) }, draining(1))
    local plan = run_twice(one, facts({ ["mm-1"] = {} }), options(), 600)
    t.equal(said(plan), "wait, disable mm-1")
    t.ok(plan.waits_for:find("^mm%-1 runs no task, but it takes tasks still, deadline "), plan.waits_for)
    plan = run_twice(one, facts({ ["mm-1"] = { silent = true, listed = {} } }), options(), 600)
    t.equal(said(plan), "wait, disable mm-1")
    -- Its own word is not to be had, that of the Overlord is.
    t.equal(run_twice(one, facts({ ["mm-1"] = { silent = true, off = true, listed = {} } }), options(), 600).act, "replace")
    -- It is broken, or gone.
    local broken = set({ pod(0), pod(1, "old", { ready = false }) }, draining(1))
    t.equal(run_twice(broken, facts({ ["mm-1"] = { silent = true, listed = {} } }), options(), 600).act, "replace")
    t.equal(run_twice(one, facts({ ["mm-1"] = { silent = true, away = true } }), options(), 600).act, "replace")
  end,
  ["while the Overlord is silent the word of a worker counts after two minutes, and that is said"] = function(t)
    local one, alone = set({ pod(0), pod(1) }, draining(1)), facts({ ["mm-1"] = { off = true } }, "no")
    t.equal(run_twice(one, alone, options(), middlemanager.unseen_s - 1).act, "wait")
    local plan = run_twice(one, alone, options(), middlemanager.unseen_s)
    t.equal(said(plan), "replace mm-1")
    t.equal(plan.notes, { "mm-1 says that it runs no task; the Overlord could not be asked" })
  end,
  ["a worker that gives no answer is believed empty by the Overlord's word, but not at once"] = function(t)
    local quiet = facts({ ["mm-1"] = { silent = true, off = true, listed = {} } })
    t.equal(run_twice(set({ pod(0), pod(1) }, draining(1)), quiet, options(), middlemanager.confirm_s).act, "wait")
    t.equal(run_twice(set({ pod(0), pod(1) }, draining(1)), quiet, options(), middlemanager.unseen_s).act, "replace")
  end,
  ["nobody answers: held until Druid has been silent for too long"] = function(t)
    local silent = facts({ ["mm-1"] = { silent = true } }, "no")
    local plan = middlemanager.next(set({ pod(0), pod(1) }, draining(1)), silent, options())
    t.equal(said(plan), "wait, disable mm-1")
    plan = middlemanager.next(set({ pod(0), pod(1) }, draining(1)), silent, options({ blind = function() return true end }))
    t.equal(plan.act, "replace")
    t.equal(plan.notes, { "mm-1 is replaced without a drain, for Druid could not be asked" })
  end,
  ["where tasks run as Jobs the workers speak for themselves"] = function(t)
    t.equal(run_twice(set({ pod(0) }, draining(0)), facts({ ["mm-0"] = { off = true } }, "none"), options(), 10).act, "replace")
  end,
  ["too late: held, and told"] = function(t)
    local plan = middlemanager.next(set({ pod(0), pod(1) }, draining(1, 1000 - 3600)),
      facts({ ["mm-1"] = { own = batch, off = true } }), options())
    t.equal(plan.act, "wait")
    t.equal(plan.blocked, "mm-1 runs 1 task after 60 min; it is held: let its tasks end, end them, or write onTimeout: proceed")
  end,
  ["too late: replaced nevertheless where that is asked for"] = function(t)
    local config = middlemanager.config({ spec = { middleManagerDrainStrategy = json.object({}) } }, { node = {} })
    local plan = middlemanager.next(set({ pod(0), pod(1) }, draining(1, 1000 - 3600)),
      facts({ ["mm-1"] = { own = batch, off = true } }), options({ config = config }))
    t.equal(said(plan):match("^%a+ %S+"), "replace mm-1,")
    t.equal(plan.notes, { "mm-1 runs 1 task after 60 min; it is replaced nevertheless" })
  end,
  ["the next one goes when the new pod is back and enabled"] = function(t)
    local records = { ["mm-1"] = { uid = "u1", phase = "restart", since = 990 } }
    local new = pod(1, "new", { uid = "n1" })
    t.equal(said(middlemanager.next(set({ pod(0), new }, records), facts({ ["mm-1"] = { off = true } }), options())),
      "wait, enable mm-1")
    local plan = middlemanager.next(set({ pod(0), new }, records), facts({}), options())
    t.equal(said(plan), "wait, disable mm-0")
    t.equal(plan.records["mm-1"], nil)
  end,
  ["a new pod that does not come is told"] = function(t)
    local records = { ["mm-1"] = { uid = "u1", phase = "restart", since = 1000 - 1800 } }
    local plan = middlemanager.next(set({ pod(0), pod(1, "new", { uid = "n1", ready = false }) }, records), facts({}), options())
    t.equal(plan.blocked, "mm-1 is not ready after 30 min")
  end,
  ["the operator was killed before the deletion: the drain is looked at again"] = function(t)
    local records = { ["mm-1"] = { uid = "u1", phase = "restart", since = 990 } }
    t.equal(run_twice(set({ pod(0), pod(1) }, records), facts({ ["mm-1"] = { off = true } }), options(), 10).act, "replace")
  end,
  ["a spec taken back enables the worker it disabled"] = function(t)
    local taken_back = set({ pod(0, "new"), pod(1, "new") }, draining(1))
    local plan = middlemanager.next(taken_back, facts({ ["mm-1"] = { own = batch, off = true } }), options())
    t.equal(said(plan), "wait, enable mm-1")
    t.equal(plan.waits_for, "mm-1 is told to take tasks again")
    -- Killed before it was told, or nobody heard it: it is told again, until it says so itself.
    local again = set({ pod(0, "new"), pod(1, "new") }, plan.records)
    t.equal(said(middlemanager.next(again, facts({ ["mm-1"] = { own = batch, off = true } }), options())), "wait, enable mm-1")
    plan = middlemanager.next(again, facts({ ["mm-1"] = { own = batch } }), options())
    t.equal(said(plan), "release")
    t.equal(plan.back, { "mm-1 takes tasks again" })
  end,
  ["a worker that cannot be told holds its set no longer than a new pod may take, and that is said"] = function(t)
    local records = { ["mm-1"] = { uid = "u1", phase = "enable", since = 1000 - 1799, host = "mm-1:8091" } }
    local deaf = facts({ ["mm-1"] = { off = true } })
    local one = set({ pod(0, "new"), pod(1, "new") }, records)
    t.equal(middlemanager.next(one, deaf, options()).act, "wait")
    records["mm-1"].since = 1000 - 1800
    local plan = middlemanager.next(one, deaf, options())
    t.equal(said(plan), "release, enable mm-1")
    t.equal(plan.notes, { "mm-1 could not be told to take tasks again; it does after a restart of its process" })
  end,
  ["a set that is let go in the middle gets its workers back first"] = function(t)
    local records = { ["mm-0"] = { uid = "u0", phase = "restart", since = 900 }, ["mm-1"] = draining(1)["mm-1"],
      ["mm-2"] = { uid = "before", phase = "restart", since = 900 }, ["mm-3"] = draining(3)["mm-3"] }
    local one = set({ pod(0), pod(1), pod(2, "new", { ready = false }), pod(3, "old", { deleting = true }) }, records)
    local off = facts({ ["mm-0"] = { off = true }, ["mm-1"] = { off = true, own = batch } })
    local plan = middlemanager.give_back(one, off, options())
    t.equal(said(plan), "wait, enable mm-0, enable mm-1")
    t.equal(plan.records["mm-1"], { uid = "u1", phase = "enable", since = 1000, host = "mm-1:8091", asked = true })
    one.records = plan.records
    plan = middlemanager.give_back(one, facts({ ["mm-1"] = { off = true } }), options())
    t.equal(said(plan), "wait, enable mm-1")
    one.records = plan.records
    t.equal(said(middlemanager.give_back(one, facts({}), options())), "release")
  end,
  ["an update that goes on after a pause drains anew"] = function(t)
    local records = { ["mm-1"] = { uid = "u1", phase = "enable", since = 0, asked = true, host = "mm-1:8091" } }
    local plan = middlemanager.next(set({ pod(0), pod(1) }, records), facts({ ["mm-1"] = { own = batch } }), options())
    t.equal(said(plan), "wait, disable mm-1")
    t.equal({ plan.records["mm-1"].phase, plan.records["mm-1"].since }, { "drain", 1000 })
  end,
  ["a paused rollout enables it, too, and stands still"] = function(t)
    local plan = middlemanager.next(set({ pod(0), pod(1) }, draining(1)), facts({ ["mm-1"] = { off = true } }),
      options({ stop = "paused" }))
    t.equal(said(plan), "wait, enable mm-1")
    t.equal(plan.waits_for, "paused")
    t.equal(plan.records["mm-1"].phase, "enable")
    plan = middlemanager.next(set({ pod(0), pod(1) }, plan.records), facts({}), options({ stop = "paused" }))
    t.equal(said(plan), "wait")
    t.equal(plan.records, {})
  end,
  ["all new: the set is let go"] = function(t)
    t.equal(said(middlemanager.next(set({ pod(0, "new"), pod(1, "new") }), facts({}), options())), "release")
  end,
  ["a broken worker without tasks goes at once, one with tasks is drained"] = function(t)
    local broken = pod(1, "old", { ready = false })
    t.equal(said(middlemanager.next(set({ pod(0), broken }), facts({ ["mm-1"] = { silent = true } }), options())), "replace mm-1")
    t.equal(said(middlemanager.next(set({ broken, pod(0, "new") }), facts({ ["mm-1"] = { own = batch } }), options())),
      "wait, disable mm-1")
  end,
  ["without a drain one worker goes after the other"] = function(t)
    local config = middlemanager.config({ spec = { middleManagerDrainStrategy = { strategy = "restore" } } }, { node = {} })
    local plan = middlemanager.next(set({ pod(0), pod(1) }), facts({ ["mm-1"] = { own = batch } }), options({ config = config }))
    t.equal(said(plan), "replace mm-1")
    t.equal(said(middlemanager.next(set({ pod(0), pod(1, "new", { ready = false, uid = "n" }) }, plan.records), facts({}),
      options({ config = config }))), "wait")
  end,
}
