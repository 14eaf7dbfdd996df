local step = require "druid.rollout.step"

local function pod(ordinal, revision, ready, extra)
  local one = { name = "hot-" .. ordinal, uid = "u" .. ordinal, ordinal = ordinal, revision = revision,
    ready = ready, since = 0, deleting = false }
  for key, value in pairs(extra or {}) do
    one[key] = value
  end
  return one
end

local function set(pods, extra)
  local one = { name = "hot", total = #pods, seen = true, revision = "new", pods = pods, records = {} }
  for key, value in pairs(extra or {}) do
    one[key] = value
  end
  return one
end

-- Asked of Druid: always yes, unless the table says otherwise.
local function options(extra)
  local one = { now = 1000, last = {}, after = function() return true end, before = function() return true end,
    record = function(row) return { uid = row.uid } end }
  for key, value in pairs(extra or {}) do
    one[key] = value
  end
  return one
end

local function said(next_step)
  return next_step.act .. (next_step.pod and " " .. next_step.pod.name or "")
    .. (next_step.waits_for and ": " .. next_step.waits_for or "")
end

-- situation, set, options, what is said
local rows = {
  { "all old: the highest ordinal goes first", set({ pod(0, "old", true), pod(1, "old", true) }), options(),
    "replace hot-1" },
  { "the spec is not seen yet", set({ pod(0, "old", true) }, { seen = false }), options(),
    "wait: the StatefulSet controller has not seen the change yet" },
  { "a pod is ending", set({ pod(0, "old", true), pod(1, "old", true, { deleting = true }) }), options(),
    "wait: hot-1 is being replaced" },
  { "a pod is missing", set({ pod(0, "old", true) }, { total = 2 }), options(), "wait: hot-1 is being replaced" },
  { "a new pod starts", set({ pod(0, "old", true), pod(1, "new", false) }), options(), "wait: hot-1 is not ready" },
  { "a new pod is ready: the next one goes", set({ pod(0, "old", true), pod(1, "new", true) }), options(),
    "replace hot-0" },
  { "the replaced pod is not as before", set({ pod(0, "old", true), pod(1, "new", true) },
    { records = { ["hot-1"] = { size = 9 } } }), options({ after = function() return false, "loading" end }),
    "wait: loading" },
  { "the next may not go yet", set({ pod(0, "old", true) }),
    options({ before = function() return false, "3 segments" end }), "wait: 3 segments" },
  { "all new: the set is let go", set({ pod(0, "new", true), pod(1, "new", true) }), options(), "release" },
  { "all new, the last one not as before", set({ pod(0, "new", true) }, { records = { ["hot-0"] = {} } }),
    options({ after = function() return false, "loading" end }), "wait: loading" },
  { "the leader is last", set({ pod(0, "old", true), pod(1, "old", true) }), options({ last = { ["hot-1"] = true } }),
    "replace hot-0" },
  { "an old pod that is not ready goes first, whatever Druid says",
    set({ pod(0, "bad", false), pod(1, "old", true) }), options({ before = function() return false, "no" end }),
    "replace hot-0" },
  { "one that just became not ready is waited for", set({ pod(0, "old", false, { since = 995 }), pod(1, "old", true) }),
    options(), "wait: hot-0 is not ready" },
  { "broken pods go one at a time", set({ pod(0, "bad", false), pod(1, "bad", false, { deleting = true }) }),
    options(), "wait: hot-1 is being replaced" },
  { "a paused rollout takes no pod", set({ pod(0, "old", true) }), options({ stop = "paused" }), "wait: paused" },
  { "a paused rollout that is through is let go", set({ pod(0, "new", true) }), options({ stop = nil }), "release" },
  { "a set that starts at another ordinal", set({ pod(5, "old", true) }, { start = 5 }), options(), "replace hot-5" },
}

local cases = {
  ["Druid decides about sets whose state matters, unless their user rolls them"] = function(t)
    local group = { type = "historical", kind = "StatefulSet" }
    t.ok(step.is_stepped(group, 1, nil))
    t.ok(not step.is_stepped(group, 0, nil))
    t.ok(not step.is_stepped(group, 2, { type = "OnDelete" }))
    t.ok(not step.is_stepped(group, 2, { rollingUpdate = { partition = 1 } }))
    t.ok(step.is_stepped(group, 2, { type = "RollingUpdate", rollingUpdate = { partition = 0 } }))
    t.ok(not step.is_stepped({ type = "historical", kind = "Deployment" }, 2, nil))
    t.ok(not step.is_stepped({ type = "router", kind = "StatefulSet" }, 1, nil))
    t.ok(step.is_stepped({ type = "router", kind = "StatefulSet" }, 1, nil, true))
    t.ok(not step.is_stepped({ type = "router", kind = "StatefulSet" }, 0, nil, true))
    t.ok(not step.is_stepped({ type = "", kind = "StatefulSet" }, 1, nil, true))
  end,
  ["what its user rolled is ours again when the Druid object says so, or said otherwise before"] = function(t)
    local by_hand = { metadata = { annotations = { ["nemeton.dev/by-hand"] = "true" } } }
    local theirs = { metadata = {} }
    t.equal(step.is_reclaimed(by_hand, nil), true)
    t.equal(step.is_reclaimed(theirs, { type = "RollingUpdate" }), true)
    t.equal(step.is_reclaimed(theirs, nil), false, "changed by hand, and the Druid object says nothing")
    t.equal(step.is_reclaimed(by_hand, { type = "OnDelete" }), false)
    t.equal(step.is_reclaimed(by_hand, { rollingUpdate = { partition = 1 } }), false)
    t.equal(step.is_reclaimed(nil, nil), false)
    local function left(type, rolling)
      return step.is_left({ spec = { updateStrategy = { rollingUpdate = rolling } } }, { type = type })
    end
    t.equal({ left("OnDelete", { partition = 0 }), left("OnDelete", nil), left("RollingUpdate", { partition = 0 }),
      step.is_left(nil, { type = "OnDelete" }) }, { true, false, false, false })
  end,
  ["what a broken one had before its revision is remembered until it is back"] = function(t)
    local records = { ["hot-1"] = { size = 9 } }
    local one = set({ pod(0, "old", true), pod(1, "bad", false) }, { records = records })
    t.equal(step.next(one, options()).records, records)
  end,
  ["what is remembered survives its annotation"] = function(t)
    t.equal(step.decode(step.encode({ ["hot-1"] = { size = 9, uid = "u" } })), { ["hot-1"] = { size = 9, uid = "u" } })
    t.equal(step.encode({}), "{}")
    t.equal(step.decode("nonsense"), {})
    t.equal(step.decode(nil), {})
  end,
  ["letting go gives the declared strategy back, or the default"] = function(t)
    t.equal(step.release_patch(nil).spec.updateStrategy, { type = "RollingUpdate", rollingUpdate = { partition = 0 } })
    t.equal(step.release_patch({ type = "OnDelete" }).spec.updateStrategy, { type = "OnDelete", rollingUpdate = json.null })
    t.equal(step.release_patch({ type = "RollingUpdate", rollingUpdate = { maxUnavailable = 2 } }).spec.updateStrategy,
      { type = "RollingUpdate", rollingUpdate = { maxUnavailable = 2, partition = 0 } })
  end,
  ["a pod that its own set never replaces is found, one at a time and after a while"] = function(t)
    local stuck = set({ pod(0, "bad", false), pod(1, "bad", false) })
    t.equal(step.superseded(stuck, 1000).name, "hot-1")
    t.equal(step.superseded(stuck, 5), nil)
    t.equal(step.superseded(set({ pod(0, "bad", false), pod(1, "new", false) }), 1000), nil)
    t.equal(step.superseded(set({ pod(0, "new", false) }), 1000), nil)
    t.equal(step.superseded(set({ pod(0, "bad", true) }), 1000), nil)
  end,
}
for _, row in ipairs(rows) do
  cases[row[1]] = function(t) t.equal(said(step.next(row[2], row[3])), row[4]) end
end
return cases
