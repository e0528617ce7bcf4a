#Requires -Version 7.4

BeforeAll {
    . $PSScriptRoot/common.ps1
    $emulator = New-TestEmulator
    $queue = @{ deployment_id = '00000030-0000-4000-8000-000000000030'; inputs = @{ prompt = 'x' } }
}

AfterAll { Clear-TestState }

Describe 'Invoke-ComfyApi' {
    BeforeEach { $before = $emulator.Requests.Count }

    It 'accepts a path with or without a slash, and returns one object per element' {
        @(Invoke-ComfyApi /workflows).Count | Should -Be 4
        @(Invoke-ComfyApi workflows)[0].name | Should -Be 'portrait'
        (Invoke-ComfyApi workflows | Get-Member)[0].TypeName | Should -Be 'System.Management.Automation.PSCustomObject'
    }

    It 'escapes the query' {
        $null = Invoke-ComfyApi workflows -Query ([ordered]@{ limit = 1; search = 'a b&c=d'; flag = $true })
        $emulator.Requests[-1].Query | Should -Be 'limit=1&search=a%20b%26c%3Dd&flag=true'
    }

    It 'posts a body' {
        (Invoke-ComfyApi /run/deployment/queue $queue -Method post).run_id | Should -Match '^[0-9a-f-]{36}$'
        ($emulator.Requests[-1].Body | ConvertFrom-Json).inputs.prompt | Should -Be 'x'
    }

    It 'does not send a POST because there is a body' {
        { Invoke-ComfyApi /run/deployment/queue $queue } | Should -Throw '*-Method POST*' -ErrorId 'BodyNeedsMethod,*'
        $emulator.Requests.Count | Should -Be $before
    }

    It 'confirms every method except GET, and sends nothing with -WhatIf' {
        Invoke-ComfyApi /run/deployment/queue $queue -Method POST -WhatIf | Should -BeNullOrEmpty
        $emulator.Requests.Count | Should -Be $before
        @(Invoke-ComfyApi workflows -WhatIf).Count | Should -Be 4
    }

    It 'does not send the key to any other address: <_>' -ForEach 'https://evil.example/x', '//evil.example/x', '\\evil.example\x', '../../x', '/../x', 'http://127.0.0.1:1/api/workflows', '/%2e%2e/x', '@evil.example/x' {
        try { $null = Invoke-ComfyApi $_ -ErrorAction Stop } catch { $id = $_.FullyQualifiedErrorId }
        $id | Should -Match '^(ForeignOrigin|NotSupportedByServer|ServiceError),'
        $emulator.Requests | Where-Object { $_.Number -gt $before -and $_.Path -notlike '/api/*' } | Should -BeNullOrEmpty
    }

    It 'accepts an absolute URL below the base address' {
        @(Invoke-ComfyApi "$($emulator.BaseUri)/workflows").Count | Should -Be 4
    }

    It 'reports the message of the service' {
        { Invoke-ComfyApi "/run/$MissingId" -ErrorAction Stop } | Should -Throw '*Run not found*'
        { Invoke-ComfyApi /nope -ErrorAction Stop } | Should -Throw '*does not know the path /nope*' -ErrorId 'NotSupportedByServer,*'
    }

    It 'returns numbers and text, not a JsonElement' {
        $answer = Invoke-ComfyApi workflows
        $answer | ConvertTo-Json -Depth 5 | Should -Not -Match 'ValueKind'
        $answer[0].pinned | Should -BeOfType bool
    }

    It 'does not send a POST twice' {
        $emulator.AddFault('POST /run/deployment/queue = 503 always')
        $null = Invoke-ComfyApi /run/deployment/queue $queue -Method POST -ErrorAction SilentlyContinue -WarningAction SilentlyContinue
        $emulator.ClearFaults()
        ($emulator.Requests.Count - $before) | Should -Be 1
    }

    It 'fails after -RequestTimeout with its own error ID' {
        $emulator.AddFault('POST /run/deployment/queue = hang always')
        $null = Invoke-ComfyApi /run/deployment/queue $queue -Method POST -RequestTimeout 200ms -ErrorVariable errors -ErrorAction SilentlyContinue -WarningAction SilentlyContinue
        $emulator.ClearFaults()
        $errors.FullyQualifiedErrorId | Should -Be 'RequestTimeout,ComfyDeploy.Commands.InvokeComfyApiCommand'
    }

    It 'completes methods' {
        Get-Completion 'Invoke-ComfyApi x -Method P' | Should -Contain 'POST'
    }
}
