"""DynamoDB and SQS in memory, in the place of botocore's HTTP: every store of ours runs on them as it is."""
