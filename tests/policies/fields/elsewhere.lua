-- Fields that make no object, and the cases that tell what they do.
return {
  nodes = "every row here is about one",
  auth = "policies/druid/client_test.lua",
  api = "policies/druid/client_test.lua",
  dynamicConfig = "policies/druid/dynamic_config_test.lua",
  rollingDeploy = "policies/druid/rollout_test.lua",
  volumeRetention = "policies/druid/volumes_test.lua",
  deleteOrphanPvc = "policies/druid/volumes_test.lua",
  forceDeleteStsPodOnError = "policies/druid/stuck_test.lua",
  recreateOnImmutableChange = "policies/druid/recreate_test.lua",
  scalePvcSts = "policies/druid/recreate_test.lua",
  middleManagerDrainStrategy = "policies/druid/middlemanager_test.lua",
  druidTimeout = "policies/druid/rollout/questions_test.lua",
  deletionDeadline = "policies/druid/teardown_test.lua",
  progressDeadline = "policies/druid/stuck_test.lua",
  rollback = "policies/druid/stuck_test.lua",
}
