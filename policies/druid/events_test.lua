-- Which event tells what: reasons are what people filter by.

local events = require "druid.events"
local status = require "druid.status"

local function conditions()
  return { { type = "Ready", status = "True", message = "m" }, { type = "Degraded", status = "False", reason = "AsExpected" } }
end

local function said(list)
  local lines = {}
  for i, event in ipairs(list) do
    lines[i] = event.type .. " " .. event.reason .. ": " .. event.message
  end
  return lines
end

local function change(old, new, entries)
  old.conditions, new.conditions = conditions(), conditions()
  return said(events.of_change(old, new, entries or {}))
end

return {
  ["a note is told by what it is: what cannot be done, what is going to be done, and what else people should know"] = function(t)
    local entry = { key = "hot", notes = { "A keeps its x", "B is made anew", "Druid could not be asked", "C does not grow" },
      kept = { "A keeps its x" }, announced = { "A keeps its x", "B is made anew" }, refusals = { "C does not grow" } }
    t.equal(change({}, {}, { entry }), {
      "Warning DruidOperatorUpdateFail: hot: A keeps its x",
      "Normal DruidNodeChangeAnnounced: hot: B is made anew",
      "Warning DruidNodeNote: hot: Druid could not be asked",
      "Warning DruidOperatorUpdateFail: hot: C does not grow",
    })
  end,
  ["a note is told once, though others come and go beside it, and its numbers count on"] = function(t)
    local old = { groups = { { name = "hot", note = "waits for 3 s; and b" } } }
    t.equal(change(old, {}, { { key = "hot", notes = { "c", "waits for 4 s" } } }), { "Warning DruidNodeNote: hot: c" })
    t.equal(change(old, {}, { { key = "hot", notes = { "waits for 3 s", "and b" } } }), {})
    local long = ("x"):rep(600)
    old.groups[1].note = long:sub(1, 497) .. "..."
    t.equal(change(old, {}, { { key = "hot", notes = { long } } }), {})
  end,
  ["each group that is stuck is told with its own remedy, once, and the condition names the others"] = function(t)
    local function stuck(key, text, remedy)
      return { key = key, type = "broker", group = { name = key }, workload = { spec = {} }, notes = {}, part = { claims = {} },
        state = { exists = true, ready = 0, total = 1, updated = 1, seen = true, rolling = true },
        stuck = { kind = "CrashLoop", text = text, remedy = remedy }, ways_out = remedy }
    end
    local function compose(old, ...)
      return status.compose({ generation = 1 }, old, { entries = { ... }, errors = {}, kept = {}, lists = {} }, 1000)
    end
    local one = stuck("a", "a-0: exit code 1, 4 restarts", "look at its log")
    local first = compose({}, one)
    t.equal(said(events.of_change({}, first, { one })), {
      "Warning DruidNodeErrorState: a is stuck: a-0: exit code 1, 4 restarts; look at its log" })
    local two = stuck("b", "b-0: no such image", "correct the image")
    local second = compose(first, one, two)
    t.equal(said(events.of_change(first, second, { one, two })), {
      "Warning DruidNodeErrorState: b is stuck: b-0: no such image; correct the image" })
    local degraded = second.conditions[3]
    t.equal({ degraded.type, degraded.message },
      { "Degraded", "a is stuck: a-0: exit code 1, 4 restarts; look at its log; stuck, too: b" })
    t.equal(second.groups[2].message, "b-0: no such image; correct the image")
    one.stuck.text = "a-0: exit code 1, 5 restarts"
    t.equal(events.of_change(second, compose(second, one, two), { one, two }), {})
    one.stuck.text, one.ways_out = "a-0: out of memory", "raise the limit"
    t.equal(said(events.of_change(second, compose(second, one, two), { one, two })), {
      "Warning DruidNodeErrorState: a is stuck: a-0: out of memory; raise the limit" })
    t.equal(said(events.of_change({}, compose({}, one, two), { one, two })), {
      "Warning DruidNodeErrorState: a is stuck: a-0: out of memory; raise the limit",
      "Warning DruidNodeErrorState: b is stuck: b-0: no such image; correct the image" })
  end,
  ["a Historical that leaves is told when it begins and when it goes, with what it holds"] = function(t)
    local leavers = { type = "historical", set = "druid-a-hot", pods = { { name = "hot-1", revision = "r", enabled = false,
      count = 1500, phase = "Draining", since = "s", deadline = "d" } } }
    local leaving = status.historicals_leaving({ { leavers = leavers } }, {})
    t.equal(leaving, { { name = "hot-1", revision = "r", size = 1500, phase = "Draining", since = "s", deadline = "d" } })
    t.equal(change({}, { historicalsLeaving = leaving }), {
      "Normal HistoricalDraining: hot-1 gives its segments away, 1.5 kB; it goes when others have them, deadline d" })
    t.equal(change({ historicalsLeaving = leaving }, { historicalsLeaving = leaving }), {})
    t.equal(said(events.of_writes{ created = {}, updated = {}, deleted = {}, emptied = { leavers } }), {
      "Normal HistoricalDrained: hot-1: what was held is held elsewhere; taken away now" })
    leavers.note = "Historicals leave with what they hold, for Druid could not be asked"
    t.equal(said(events.of_writes{ created = {}, updated = {}, deleted = {}, emptied = { leavers } }), {
      "Normal HistoricalDrained: hot-1: Historicals leave with what they hold, for Druid could not be asked" })
  end,
  ["workers that leave are told with their tasks, those of a removed group too"] = function(t)
    local leavers = { type = "middleManager", set = "druid-a-mm", pods = { { name = "mm-1", uid = "u", revision = "r",
      enabled = false, count = 2, phase = "Draining", since = "s", deadline = "d" } } }
    local drain = status.drain({}, { { waits_for = "mm-1 runs 2 tasks", leavers = leavers } }, {})
    t.equal({ drain.statefulSet, drain.podName, drain.oldPodUID, drain.message }, { "druid-a-mm", "mm-1", "u",
      "mm-1 runs 2 tasks" })
    t.equal(drain.workers, { { name = "mm-1", revision = "r", enabled = false, tasks = 2, phase = "Draining", since = "s",
      deadline = "d" } })
    t.equal(said(events.of_writes{ created = {}, updated = {}, deleted = {}, emptied = { leavers } }), {
      "Normal MiddleManagerDrained: mm-1: no task is left; taken away now" })
  end,
  ["the replacement of a worker is told with its reason, and that one takes tasks again"] = function(t)
    local function told(drained, why)
      local entries = { { key = "mm", group = { name = "druid-a-mm" }, notes = {}, workers = {
        { name = "mm-1", phase = "WaitingForPod", drained = drained, why = why } } } }
      return change({ middleManagerDrain = { workers = { { name = "mm-1", phase = "Draining" } } } },
        { middleManagerDrain = status.drain(entries, {}, {}) }, entries)
    end
    t.equal(told(true, "no task is left on it"), { "Normal MiddleManagerDrained: mm-1 is replaced: no task is left on it" })
    t.equal(told(nil, "mm-1 runs 1 task after 60 min"), {
      "Normal MiddleManagerReplaced: mm-1 is replaced: mm-1 runs 1 task after 60 min" })
    t.equal(told(nil, nil), { "Normal MiddleManagerReplaced: mm-1 is replaced" })
    t.equal(said(events.of_writes{ created = {}, updated = {}, deleted = {}, enabled = { "mm-1 is back and takes tasks" } }), {
      "Normal MiddleManagerEnabled: mm-1 is back and takes tasks" })
  end,
}
