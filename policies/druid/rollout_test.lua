local rollout = require "druid.rollout"

local function up(ready, total)
  total = total or ready
  return { exists = true, ready = ready, total = total, updated = total, present = total, seen = true,
    settled = ready == total, rolling = false, ours = true }
end

local function rolling(updated, total)
  return { exists = true, ready = total, total = total, updated = updated, present = total, seen = true,
    settled = false, rolling = true, ours = true }
end

local function group(key, node_type, state, changed)
  return { key = key, type = node_type, state = state or up(1), changed = changed == nil or changed }
end

local function cluster()
  return {
    group("routers", "router"), group("coordinators", "coordinator"), group("brokers", "broker"),
    group("overlords", "overlord"), group("middlemanagers", "middleManager"),
    group("cold", "historical"), group("hot", "historical"),
  }
end

local function actions(groups, options)
  local list = {}
  for _, one in ipairs(rollout.decide(groups, options or {})) do
    list[#list + 1] = one.key .. ":" .. one.action
  end
  return table.concat(list, " ")
end

return {
  ["only the first group of Druid's order goes, tiers by their key"] = function(t)
    t.equal(actions(cluster()), "cold:go hot:wait middlemanagers:wait brokers:wait routers:wait "
      .. "overlords:wait coordinators:wait")
  end,
  ["a downgrade goes the other way"] = function(t)
    t.equal(actions(cluster(), { downgrade = true }), "coordinators:go overlords:wait routers:wait "
      .. "brokers:wait middlemanagers:wait cold:wait hot:wait")
  end,
  ["the next group waits while one is under way, and says for what"] = function(t)
    local groups = cluster()
    groups[6].changed, groups[6].state = false, rolling(1, 2)
    local sorted = rollout.decide(groups, {})
    t.equal(sorted[1].action, "keep")
    t.equal(sorted[2].action, "wait")
    t.equal(sorted[2].waits_for, "cold has 1 of 2 pods updated")
  end,
  ["the next group waits while an earlier one is not ready"] = function(t)
    local groups = cluster()
    groups[6].changed, groups[6].state = false, up(1, 2)
    t.equal(actions(groups), "cold:keep hot:wait middlemanagers:wait brokers:wait routers:wait "
      .. "overlords:wait coordinators:wait")
    t.equal(groups[7].waits_for, "cold has 1 of 2 pods ready")
  end,
  ["a later group of the same tier that is broken holds an earlier one up, unless that is broken itself"] = function(t)
    local function tried(cold, hot, hot_changed, other_tier, coming_up)
      local groups = { group("cold", "historical", cold), group("hot", "historical", hot, hot_changed) }
      groups[2].coming_up = coming_up
      return actions(groups, { tier = function(one) return other_tier and one.key or "same" end })
    end
    t.equal(tried(up(2), up(1, 2), false), "cold:wait hot:keep")
    t.equal(tried(up(2), up(1, 2), true), "cold:wait hot:go", "its own change may be the cure")
    t.equal(tried(up(1, 2), up(1, 2), false), "cold:go hot:keep", "a corrected spec gets through")
    t.equal(tried(up(2), up(1, 2), false, true), "cold:go hot:keep")
    t.equal(tried(up(2), up(0, 2), false, false, true), "cold:go hot:keep", "what comes up holds nothing yet")
  end,
  ["a later group that is not ready does not hold up an earlier one"] = function(t)
    local groups = cluster()
    groups[3].state = up(0, 2)
    t.ok(actions(groups):find("^cold:go hot:wait middlemanagers:wait brokers:wait"))
  end,
  ["a cure for the group under way is not held back"] = function(t)
    local groups = cluster()
    groups[3].state = rolling(1, 2)
    t.equal(actions(groups), "cold:wait hot:wait middlemanagers:wait brokers:go routers:wait "
      .. "overlords:wait coordinators:wait")
  end,
  ["when a broken group blocks the order, one without ready pods may go"] = function(t)
    local groups = { group("hot", "historical", up(0, 1), false),
      group("brokers", "broker", up(1)), group("coordinators", "coordinator", up(0, 1)) }
    t.equal(actions(groups), "hot:keep brokers:wait coordinators:go")
    t.equal(groups[2].waits_for, "hot has 0 of 1 pods ready")
  end,
  ["while nobody leads, nothing goes but who could lead"] = function(t)
    local leaders = { leaderless = "the Overlords have no leader", keys = { "overlords" } }
    local groups = { group("brokers", "broker", up(1)), group("overlords", "overlord", up(1)) }
    t.equal(actions(groups, { leaders = leaders }), "brokers:wait overlords:go")
    groups = { group("overlords", "overlord", up(1), false), group("coordinators", "coordinator", up(1)) }
    t.equal(actions(groups, { leaders = leaders }), "overlords:keep coordinators:wait")
    t.equal(groups[2].waits_for, "the Overlords have no leader")
    t.equal(actions(groups, {}), "overlords:keep coordinators:go")
  end,
  ["the groups before the next one have to serve; what has nothing to lose goes meanwhile"] = function(t)
    local asked = {}
    local function serving(before, next_group)
      for _, one in ipairs(before) do
        asked[#asked + 1] = one.key
      end
      asked[#asked + 1] = "for " .. next_group.key
      return "brokers-1 does not serve"
    end
    local groups = { group("hot", "historical", up(1), false), group("brokers", "broker", up(1), false),
      group("routers", "router"), group("coordinators", "coordinator") }
    t.equal(actions(groups, { serving = serving }), "hot:keep brokers:keep routers:wait coordinators:wait")
    t.equal({ groups[3].waits_for, groups[4].waits_for }, { "brokers-1 does not serve", "brokers-1 does not serve" })
    t.equal(asked, { "hot", "brokers", "for routers" })
    groups[4].state = up(0, 1)
    t.equal(actions(groups, { serving = serving }), "hot:keep brokers:keep routers:wait coordinators:go")
    asked, groups[3].state = {}, up(0, 1)
    t.equal(actions(groups, { serving = serving }), "hot:keep brokers:keep routers:go coordinators:wait")
    t.equal(asked, {}, "who is no worse off for it")
    groups[2].state, groups[3].state = rolling(0, 1), up(1)
    t.equal(actions(groups, { serving = serving }), "hot:keep brokers:keep routers:wait coordinators:wait")
    t.equal(asked, {}, "nobody is asked while a group is under way")
  end,
  ["groups that do not exist are created side by side while others wait"] = function(t)
    local groups = cluster()
    groups[1].state = { exists = false, ready = 0, total = 0, updated = 0 }
    groups[3].state = { exists = false, ready = 0, total = 0, updated = 0 }
    t.equal(actions(groups), "cold:go hot:wait middlemanagers:wait brokers:create routers:create "
      .. "overlords:wait coordinators:wait")
  end,
  ["an edit during the first bring-up goes to all groups that are coming up"] = function(t)
    local groups = cluster()
    for _, one in ipairs(groups) do
      one.state, one.coming_up = rolling(0, 1), true
    end
    t.ok(not actions(groups):find("wait"))
    for _, one in ipairs(groups) do
      one.state = up(0, 1)   -- as it was made, not rolling
    end
    t.ok(not actions(groups):find("wait"))
  end,
  ["all go at once when rollingDeploy is false"] = function(t)
    t.ok(not actions(cluster(), { all_at_once = true }):find("wait"))
  end,
  ["a group that others roll counts as done once written"] = function(t)
    local groups = { group("hot", "historical"), group("brokers", "broker") }
    groups[1].changed = false
    groups[1].state = { exists = true, ready = 1, total = 2, updated = 0, seen = true, settled = true,
      rolling = false, ungated = true }
    t.equal(actions(groups), "hot:keep brokers:go")
  end,
  ["unchanged groups are always written"] = function(t)
    local groups = { group("hot", "historical"), group("brokers", "broker", up(0, 1), false) }
    t.equal(actions(groups), "hot:go brokers:keep")
  end,
  ["the direction comes from the tags"] = function(t)
    t.equal(rollout.direction({ { from = "druid:33.0.0", to = "druid:34.0.0" } }).downgrade, false)
    t.equal(rollout.direction({ { from = "druid:34.0.0", to = "druid:33.0.0" } }).downgrade, true)
    t.equal(rollout.direction({ { from = "druid:34.0.0", to = "druid:34.0.0" } }), nil)
  end,
  ["the direction comes from the running version when the tag does not say"] = function(t)
    local changes = { { from = "druid:prod", to = "druid:33.0.0" } }
    t.equal(rollout.direction(changes).known, false)
    t.equal(rollout.direction(changes, "34.0.0").downgrade, true)
    t.equal(rollout.direction(changes, "32.0.1").downgrade, false)
  end,
  ["an unknown direction is an upgrade and says so"] = function(t)
    local direction = rollout.direction({ { from = "druid:a", to = "druid:b" } }, "34.0.0")
    t.equal(direction.downgrade, false)
    t.ok(direction.why:find("cannot be told"))
  end,
  ["groups that go both ways are an upgrade"] = function(t)
    local direction = rollout.direction({ { from = "d:1.0", to = "d:2.0" }, { from = "d:3.0", to = "d:2.0" } })
    t.equal(direction.downgrade, false)
    t.ok(direction.why:find("up and others down"))
  end,
}
