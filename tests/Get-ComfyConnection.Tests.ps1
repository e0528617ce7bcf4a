#Requires -Version 7.4

BeforeAll {
    . $PSScriptRoot/common.ps1
    $emulator = New-TestEmulator
    Connect-ComfyDeploy $emulator.ApiKey -BaseUri $emulator.BaseUri -Name 'studio two' -SkipCheck
    Connect-ComfyDeploy $emulator.AddKey('user_emulator', 'org_x') -BaseUri $emulator.BaseUri -Name studio -SkipCheck
}

AfterAll { Clear-TestState }

Describe 'Get-ComfyConnection' {
    It 'lists the open connections, without a request' {
        $before = $emulator.Requests.Count
        (Get-ComfyConnection).Name | Sort-Object | Should -Be 'emulator', 'studio', 'studio two'
        $emulator.Requests.Count | Should -Be $before
    }

    It 'finds connections by name in any case, by wildcard, and by several names' {
        (Get-ComfyConnection STUDIO).Name | Should -Be 'studio'
        @(Get-ComfyConnection stud*).Count | Should -Be 2
        @(Get-ComfyConnection studio, emulator).Count | Should -Be 2
        Get-ComfyConnection zzz* | Should -BeNullOrEmpty
    }

    It 'reports a name that does not exist, and continues' {
        $found = Get-ComfyConnection nope, studio -ErrorVariable errors -ErrorAction SilentlyContinue
        $found.Name | Should -Be 'studio'
        $errors.FullyQualifiedErrorId | Should -Be 'ConnectionNotFound,ComfyDeploy.Commands.GetComfyConnectionCommand'
    }

    It 'shows which one is the default and whose key it has' {
        (Get-ComfyConnection | Where-Object IsDefault).Name | Should -Be 'emulator'
        (Get-ComfyConnection studio).OrgId | Should -Be 'org_x'
    }

    It 'never shows the key' {
        $key = Get-TestKey $emulator
        $connection = Get-ComfyConnection emulator
        $texts = @(
            $connection | Format-List * -Force | Out-String
            $connection | ConvertTo-Json -Depth 5
            $connection | ConvertTo-Csv
            "$connection"
            [System.Management.Automation.PSSerializer]::Serialize($connection, 5)
        )
        $texts -join "`n" | Should -Not -Match ([regex]::Escape($key))
        $texts -join "`n" | Should -Not -Match 'SecureString|<SS>'
    }

    It 'completes the names, quoted if necessary' {
        Get-Completion 'Get-ComfyConnection stud' | Should -Be 'studio', "'studio two'"
        Get-Completion "Get-ComfyRun -Connection 'studio t" | Should -Be "'studio two'"
    }
}
