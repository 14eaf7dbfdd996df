local queryable = require "druid.rollout.queryable"

local rows = { { name = "hot-0", ip = "10.0.0.1", since = 0 }, { name = "hot-1", ip = "10.0.0.2", since = 0 } }
-- The first of them is ready for ten seconds.
local young = { { name = "hot-0", ip = "10.0.0.1", since = 990 }, rows[2] }

-- What Druid says when all is well, with differences. A nil is written as `false`.
local function facts(extra)
  local all = { leader = "http://c-0.c:8081", overlord = "http://c-0.c:8081", under = 0, under_view = 0,
    servers = { { host = "hot-0.hot.default.svc.cluster.local:8083", size = 2424, queue = 0 },
      { host = "10.0.0.2:8083", size = 2424, queue = 0 } },
    brokers = { { name = "b-0", count = { ["hot-0.hot.default.svc.cluster.local:8083"] = 2, ["10.0.0.2:8083"] = 2 } } },
    answers = function() return true end }
  for key, value in pairs(extra or {}) do
    if value == false then all[key] = nil else all[key] = value end
  end
  return all
end

local function servers(size, queue)
  return { { host = "hot-0:8083", size = 2424, queue = 0 }, { host = "10.0.0.2:8083", size = size, queue = queue or 0 } }
end

-- A tier of these pods, some of them of another group.
local function tier(of, wanted)
  return { name = "hot", rows = of or rows, wanted = wanted or 2, others = { cold = true } }
end

local record = { size = 2424, under = 0, peers = 2, segments = 2 }

local function said(good, words)
  return good and "yes" or words
end

-- Each: situation, what Druid says, what is said. A roll of two Historicals, as it was measured.
local before = {
  { "all is loaded", {}, "yes" },
  { "segments lack replicas", { under = 2, under_view = 2 }, "2 segments lack replicas, so hot-1 stays" },
  { "one segment lacks a replica", { under = 1, under_view = 1 }, "1 segment lacks replicas, so hot-1 stays" },
  { "more replicas are wanted than there are servers", { under = 2, under_view = 0 }, "yes" },
  { "… and a server is away, which that figure hides",
    { under = 2, under_view = 0, servers = { { host = "hot-0:8083", size = 1, queue = 0 } } },
    "hot-1 has not announced itself" },
  { "… and one has come up since the Coordinator counted", { under = 2, under_view = 0 },
    "hot-0 has come up, and the Coordinator has not counted its segments yet", young },
  { "… which was asked already for what it had", { under = 2, under_view = 0 }, "yes", young, { ["hot-0"] = {} } },
  { "one that has come up holds nothing, though nothing lacks a replica by the last count",
    { servers = { { host = "hot-0:8083", size = 0, queue = 0 }, { host = "10.0.0.2:8083", size = 9, queue = 0 } } },
    "hot-0 has come up, and the Coordinator has not counted its segments yet", young },
  { "nobody holds anything", { servers = { { host = "hot-0:8083", size = 0, queue = 0 },
    { host = "10.0.0.2:8083", size = 0, queue = 0 } } }, "yes", young },
  { "a new leader that has not run yet knows nothing", { under = false },
    "the Coordinator does not know yet which segments are loaded" },
  { "nobody leads", { leader = "" }, "the Coordinators have no leader" },
  { "nobody answers", { leader = false }, "the Coordinator cannot be asked" },
  { "hosts that do not tell whose they are", { servers = { { host = "x:1", size = 1, queue = 0, tier = "hot" },
    { host = "y:1", size = 1, queue = 0 } } }, "yes" },
  { "… and one of them is of another tier", { servers = { { host = "x:1", size = 1, queue = 0, tier = "hot" },
    { host = "y:1", size = 1, queue = 0, tier = "cold" } } }, "tier hot has 1 of 2 Historicals" },
  { "nobody of the tier is there, which the view of those that are hides", { under = 2, servers = {} },
    "tier hot has 0 of 2 Historicals" },
  { "a pod of another group of the tier is away", { under = 1, servers = { { host = "hot-1:8083", size = 1, queue = 0 } } },
    "warm-0 has not announced itself", { { name = "hot-1", since = 0 }, { name = "warm-0", since = 0 } } },
  { "… has no pod at all", { under = 1 }, "tier hot has 2 of 3 Historicals", nil, nil, 3 },
  { "… is there, and has come up since the Coordinator counted", { under = 1, servers = {
    { host = "hot-1:8083", size = 9, queue = 0 }, { host = "warm-0:8083", size = 9, queue = 0 } } },
    "warm-0 has come up, and the Coordinator has not counted its segments yet",
    { { name = "hot-1", since = 0 }, { name = "warm-0", since = 990 } } },
}
local after = {
  { "all is back", {}, 9, "yes" },
  { "ready, not announced", { servers = { { host = "hot-0:8083", size = 1, queue = 0 } }, under = 2 }, 1,
    "hot-1 has not announced itself" },
  { "ready and announced, but empty", { servers = servers(0), under = 2 }, 1, "hot-1 loading 0 B of 2.4 kB" },
  { "loading, with a queue", { servers = servers(1000, 412), under = 412 }, 1, "hot-1 loading 412 segments" },
  { "its size is back, replicas are not", { under = 2 }, 1, "hot-1 loading 2 segments" },
  { "the Coordinator says 0, the Broker has not seen it", { brokers = { { name = "b-0", count = {} } } }, 1,
    "b-0 sees 0 of 2 segments of hot-1" },
  { "one of two Brokers has not seen it", { brokers = { { name = "b-0", count = { ["10.0.0.2:8083"] = 2 } },
    { name = "b-1", count = { ["10.0.0.2:8083"] = 1 } } } }, 1, "b-1 sees 1 of 2 segments of hot-1" },
  { "what the Coordinator moved elsewhere does not come back, after a while", { servers = servers(1212),
    brokers = { { name = "b-0", count = { ["10.0.0.2:8083"] = 1 } } } }, 200, "yes" },
  { "… but nothing seen is too little for ever", { brokers = { { name = "b-0", count = {} } } }, 9999,
    "b-0 sees 0 of 2 segments of hot-1" },
  { "no Broker can be asked: the Coordinator's figures count after two runs", { brokers = false }, 30,
    "no Broker can be asked, so hot-1 waits for 2 runs of the Coordinator" },
  { "… and then they do", { brokers = false }, 121, "yes" },
}

local cases = {
  ["a pod is found among the servers by its name or address"] = function(t)
    t.ok(queryable.server_of(facts().servers, rows[1]))
    t.ok(queryable.server_of(facts().servers, rows[2]))
    t.equal(queryable.server_of(facts().servers, { name = "hot" }), nil)
    t.equal(queryable.server_of({ { host = "hot-10.hot:8083" } }, { name = "hot-1" }), nil)
    t.ok(queryable.server_of({ { host = "[fd00::1]:8083" } }, { name = "hot-1", ip = "fd00::1" }))
  end,
  ["what is noted before a pod goes is what it must get back"] = function(t)
    t.equal(queryable.record("historical", rows[2], facts()),
      { asked = true, size = 2424, under = 0, peers = 2, segments = 2 })
    t.equal(queryable.record("historical", rows[2], { answers = 1 }), {})
  end,
  ["one that gave all its segments away is as before, after two runs and with no replica lacking"] = function(t)
    local function told(age_s, under)
      local said_of = facts({ servers = servers(0), under = under, brokers = { { name = "b-0", count = {} } } })
      return said(queryable.after.historical(rows[2], record, said_of, { age_s = age_s, period_s = 60 }))
    end
    t.equal(told(121, 0), "yes")
    t.equal(told(119, 0), "hot-1 loading 0 B of 2.4 kB")
    t.equal(told(9999, 2), "hot-1 loading 0 B of 2.4 kB")
  end,
  ["one that came up since the last run of the Coordinator is waited for, two more of them at most"] = function(t)
    local function told(now)
      return said(queryable.before.historical(rows[2], facts({ under = 2, under_view = 0 }), young,
        { now = now, period_s = 60, records = {}, tier = tier(young) }))
    end
    t.equal(told(1109), "hot-0 has come up, and the Coordinator has not counted its segments yet")
    t.equal(told(1110), "yes")
  end,
  ["one that did not tell whose it is is missed by the number of its tier, not of all"] = function(t)
    local noted = queryable.record("historical", rows[2], facts({ servers = { { host = "x:1", size = 1, tier = "hot" },
      { host = "y:1", size = 1, tier = "hot" }, { host = "z:1", size = 1, tier = "cold" } } }), tier())
    t.equal(noted.peers, 2)
    local one_less = facts({ servers = { { host = "x:1", size = 1, tier = "hot" }, { host = "z:1", size = 1, tier = "cold" },
      { host = "z:2", size = 1, tier = "cold" } } })
    t.equal(said(queryable.after.historical(rows[2], noted, one_less, { age_s = 999, period_s = 60, tier = tier() })),
      "hot-1 has not announced itself")
  end,
  ["leaders go last, in merged processes both"] = function(t)
    local pods = { { name = "c-0" }, { name = "c-1" }, { name = "c-2" } }
    local leads = facts({ leader = "http://c-1.c.ns:8081", overlord = "http://c-2.c.ns:8081" })
    t.equal(queryable.leaders("coordinator", pods, leads), { ["c-1"] = true, ["c-2"] = true })
    t.equal(queryable.leaders("overlord", pods, leads), { ["c-2"] = true })
    t.equal(queryable.leaders("broker", pods, leads), {})
  end,
  ["where Druid cannot be asked, Kubernetes says who of a tier is away"] = function(t)
    local up, down, ends = { name = "a-0", ready = true }, { name = "b-0" }, { name = "c-0", ready = true, deleting = true }
    t.equal(queryable.lacks_by_kubernetes(nil), nil)
    t.equal(queryable.lacks_by_kubernetes(tier({ up, up }, 2)), nil)
    t.equal(queryable.lacks_by_kubernetes(tier({ up, down }, 2)), "b-0 is not ready")
    t.equal(queryable.lacks_by_kubernetes(tier({ up, ends }, 2)), "c-0 is not ready")
    t.equal(queryable.lacks_by_kubernetes(tier({ up }, 2)), "tier hot has 1 of 2 Historicals")
  end,
  ["a Broker answers for itself"] = function(t)
    t.equal(said(queryable.after.broker(rows[1], {}, facts())), "yes")
    t.equal(said(queryable.after.broker(rows[1], {}, facts({ answers = function() return false end }))),
      "hot-0 does not say yet that it is ready to serve")
  end,
  ["the next Overlord waits for a leader"] = function(t)
    t.equal(said(queryable.after.overlord(rows[1], {}, facts({ overlord = "" }))), "the Overlords have no leader")
    t.equal(said(queryable.before.overlord(rows[1], facts())), "yes")
  end,
}
for _, row in ipairs(before) do
  cases["before: " .. row[1]] = function(t)
    t.equal(said(queryable.before.historical(rows[2], facts(row[2]), rows,
      { now = 1000, period_s = 60, records = row[5] or {}, tier = tier(row[4], row[6]) })), row[3])
  end
end
for _, row in ipairs(after) do
  cases["after: " .. row[1]] = function(t)
    t.equal(said(queryable.after.historical(rows[2], record, facts(row[2]), { age_s = row[3], period_s = 60 })), row[4])
  end
end
return cases
